package dev.millrace.spark.metrics;

import dev.millrace.engine.metrics.DataflowMetrics;
import dev.millrace.engine.metrics.LatencyRecorder;
import dev.millrace.engine.metrics.StepClock;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import org.HdrHistogram.Histogram;

/**
 * Makes samples of one dataflow, each of the time since the one before.
 *
 * <p>Thread: one at a time.
 */
public final class DataflowSampler {
    private static final double MICROS_PER_MILLI = 1_000.0;

    private final DataflowMetrics metrics;
    private final LatencyRecorder.Reader latency;
    private final Map<List<Integer>, Before> before = new HashMap<>();
    private long lastNanos;
    private long lastRead;
    private long lastWritten;

    /** What was counted for a task or an exchange at the sample before. */
    private record Before(long rows, StepClock.Times times) {
        static final Before NOTHING = new Before(0, new StepClock.Times(0, 0, 0));
    }

    private record OperatorKey(int stageId, int operatorIndex, String name) {}

    public DataflowSampler(DataflowMetrics metrics, long nowNanos) {
        this.metrics = metrics;
        this.latency = metrics.latency().newReader();
        this.lastNanos = nowNanos;
    }

    /** The sample of now. */
    public DataflowSample next(long nowMillis, long nowNanos) {
        double seconds = Math.max(1, nowNanos - lastNanos) / (double) TimeUnit.SECONDS.toNanos(1);
        long read = sum(metrics.rowsRead());
        long written = sum(metrics.rowsWritten());
        DataflowSample sample = new DataflowSample(
                nowMillis,
                (read - lastRead) / seconds,
                (written - lastWritten) / seconds,
                latency(latency.interval()),
                metrics.watermarkMicros(),
                tasks(seconds, nowNanos),
                exchanges(seconds),
                metrics.partitions(),
                stateOperators(metrics));
        lastRead = read;
        lastWritten = written;
        lastNanos = nowNanos;
        return sample;
    }

    private static long sum(Map<Integer, Long> rows) {
        return rows.values().stream().mapToLong(Long::longValue).sum();
    }

    private static DataflowSample.Latency latency(Histogram micros) {
        return new DataflowSample.Latency(
                micros.getTotalCount(),
                micros.getValueAtPercentile(50) / MICROS_PER_MILLI,
                micros.getValueAtPercentile(95) / MICROS_PER_MILLI,
                micros.getValueAtPercentile(99) / MICROS_PER_MILLI,
                micros.getMaxValue() / MICROS_PER_MILLI);
    }

    private List<DataflowSample.Task> tasks(double seconds, long nowNanos) {
        List<DataflowSample.Task> tasks = new ArrayList<>();
        for (DataflowMetrics.TaskSample task : metrics.tasks(nowNanos)) {
            Before now = new Before(task.rowsTaken(), task.times());
            Before then = swap(List.of(0, task.stageId(), task.taskIndex()), now);
            double nanos = Math.max(1, nowNanos - lastNanos);
            double busy = share(now.times().busyNanos() - then.times().busyNanos(), nanos);
            tasks.add(new DataflowSample.Task(
                    task.stageId(),
                    task.taskIndex(),
                    task.loop(),
                    now.rows(),
                    (now.rows() - then.rows()) / seconds,
                    busy,
                    Math.min(
                            1 - busy,
                            share(
                                    now.times().backPressuredNanos()
                                            - then.times().backPressuredNanos(),
                                    nanos)),
                    task.watermarkMicros()));
        }
        return List.copyOf(tasks);
    }

    private static double share(double part, double whole) {
        return Math.max(0, Math.min(1, part / whole));
    }

    private List<DataflowSample.Exchange> exchanges(double seconds) {
        List<DataflowSample.Exchange> exchanges = new ArrayList<>();
        for (DataflowMetrics.ExchangeSample exchange : metrics.exchanges()) {
            Before now = new Before(exchange.rows(), Before.NOTHING.times());
            Before then = swap(List.of(1, exchange.stageId(), exchange.inputIndex()), now);
            exchanges.add(new DataflowSample.Exchange(
                    exchange.stageId(),
                    exchange.inputIndex(),
                    exchange.rows(),
                    (exchange.rows() - then.rows()) / seconds,
                    exchange.meanFill(),
                    exchange.maxFill()));
        }
        return List.copyOf(exchanges);
    }

    private Before swap(List<Integer> key, Before now) {
        Before then = before.put(key, now);
        return then == null ? Before.NOTHING : then;
    }

    /** The stateful operators of a dataflow, in the order of the flow. */
    private static List<DataflowSample.StateOperator> stateOperators(DataflowMetrics metrics) {
        Map<OperatorKey, DataflowSample.StateOperator> totals =
                new TreeMap<>(Comparator.comparingInt(OperatorKey::stageId)
                        .thenComparingInt(OperatorKey::operatorIndex)
                        .thenComparing(OperatorKey::name));
        for (DataflowMetrics.OperatorSample sample : metrics.operators()) {
            OperatorKey key = new OperatorKey(sample.stageId(), sample.operatorIndex(), sample.name());
            totals.merge(key, single(sample), DataflowSampler::plus);
        }
        return List.copyOf(totals.values());
    }

    private static DataflowSample.StateOperator single(DataflowMetrics.OperatorSample sample) {
        return new DataflowSample.StateOperator(
                sample.stageId(),
                sample.operatorIndex(),
                sample.name(),
                1,
                sample.state(),
                sample.rowsUpdated(),
                sample.rowsRemoved(),
                sample.rowsDroppedByWatermark(),
                sample.rowsDroppedAsDuplicates());
    }

    private static DataflowSample.StateOperator plus(
            DataflowSample.StateOperator one, DataflowSample.StateOperator other) {
        return new DataflowSample.StateOperator(
                one.stageId(),
                one.operatorIndex(),
                one.name(),
                one.tasks() + other.tasks(),
                one.state().plus(other.state()),
                one.updated() + other.updated(),
                one.removed() + other.removed(),
                one.late() + other.late(),
                one.duplicates() + other.duplicates());
    }
}
