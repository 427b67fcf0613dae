package dev.millrace.spark.execution;

import java.util.function.Supplier;
import dev.millrace.engine.operator.ObservedEventTimes;
import dev.millrace.engine.metrics.DataflowMetrics;
import dev.millrace.spark.source.OffsetJson;
import dev.millrace.spark.source.SparkSource;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import org.HdrHistogram.Histogram;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.connector.read.streaming.Offset;
import org.apache.spark.sql.connector.read.streaming.SparkDataStream;
import org.apache.spark.sql.streaming.SinkProgress;
import org.apache.spark.sql.streaming.SourceProgress;
import org.apache.spark.sql.streaming.StateOperatorProgress;
import org.apache.spark.sql.streaming.StreamingQueryProgress;
import org.jspecify.annotations.Nullable;

/**
 * Builds one {@code StreamingQueryProgress} per epoch. Beside what Spark defines, the sink's metrics
 * carry {@code latency.p50}, {@code latency.p99} and {@code latency.max}: milliseconds from a row's
 * reading to the moment after the sink took it, for the rows since the last report; and {@code
 * recoveries}, once there were any: how often the query has gone on from its checkpoint since it was started.
 *
 * <p>Thread: the query's.
 */
final class QueryProgress {
    private static final double MICROS_PER_MILLI = 1_000.0;

    /** Spark's name, in the progress of a deduplication. */
    private static final String DROPPED_DUPLICATES = "numDroppedDuplicateRows";

    private final MillraceExecution query;
    private final List<SparkSource> sources;
    private final int keyGroupCount;
    private final Map<String, Long> durations = new HashMap<>();
    private final Map<SparkSource, Map<String, String>> sourceMetrics = new HashMap<>();
    private Map<OperatorKey, OperatorTotals> lastOperators = new HashMap<>();
    private @Nullable DataflowMetrics metrics;
    private int recoveries;
    private long epochStartMillis;
    private long epochStartNanos;

    /**
     * What is to be reported of one epoch.
     *
     * @param before where each stream stood at its start
     * @param latest what each source was last known to hold
     * @param eventTime what it says of event times
     */
    record Epoch(
            long epoch,
            Map<SparkDataStream, Offset> before,
            Map<SparkSource, Long> rowsRead,
            long rowsWritten,
            Map<SparkSource, Optional<Offset>> latest,
            Map<String, String> eventTime) {
        long allRowsRead() {
            return rowsRead.values().stream().mapToLong(Long::longValue).sum();
        }
    }

    private record OperatorKey(int stageId, int operatorIndex, String name) {}

    /** The counters of one operator, summed over its tasks. */
    private record OperatorTotals(
            int tasks, long rows, long bytes, long updated, long removed, long dropped, long duplicates) {
        private static final OperatorTotals ZERO = new OperatorTotals(0, 0, 0, 0, 0, 0, 0);

        OperatorTotals plus(DataflowMetrics.OperatorSample sample) {
            var task = sample.metrics();
            return new OperatorTotals(
                    tasks + 1,
                    rows + task.stateRows(),
                    bytes + task.stateBytes(),
                    updated + task.rowsUpdated(),
                    removed + task.rowsRemoved(),
                    dropped + task.rowsDroppedByWatermark(),
                    duplicates + task.rowsDroppedAsDuplicates());
        }
    }

    QueryProgress(MillraceExecution query, List<SparkSource> sources, int keyGroupCount) {
        this.query = query;
        this.sources = sources;
        this.keyGroupCount = keyGroupCount;
    }

    /** A dataflow starts; its counters begin at zero. */
    void begin(DataflowMetrics dataflow) {
        metrics = dataflow;
        lastOperators = new HashMap<>();
        epochStartMillis = query.triggerClock().getTimeMillis();
        epochStartNanos = System.nanoTime();
    }

    /** The dataflow's watermark, or 0. */
    long watermarkMillis() {
        long micros = dataflow().watermarkMicros();
        return micros == Long.MIN_VALUE ? 0 : Math.max(0, Math.floorDiv(micros, 1_000L));
    }

    /** Runs a part of an epoch's commit and counts its time. */
    void timed(String part, Runnable body) {
        long start = System.nanoTime();
        body.run();
        durations.merge(part, TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start), Long::sum);
    }

    /** As {@link #timed}, of something that gives a value. */
    <T extends @Nullable Object> T timing(String part, Supplier<T> body) {
        long start = System.nanoTime();
        T result = body.get();
        took(part, System.nanoTime() - start);
        return result;
    }

    /** A bounded epoch's trigger begins. */
    void beginTrigger() {
        epochStartMillis = query.triggerClock().getTimeMillis();
        epochStartNanos = System.nanoTime();
    }

    /** The trigger found nothing to do. Tells so now and then, as Spark does. */
    void idle() {
        query.publishIdle(epochStartMillis, () -> progress(
                new Epoch(query.nextEpoch(), committedOffsets(), Map.of(), 0, Map.of(), new HashMap<>()), 0));
        durations.clear();
    }

    private Map<SparkDataStream, Offset> committedOffsets() {
        Map<SparkDataStream, Offset> offsets = new HashMap<>();
        sources.forEach(source -> source.committed().ifPresent(offset -> offsets.put(source.stream(), offset)));
        return offsets;
    }

    /** Counts the time of something that was done before an epoch. */
    void took(String part, long nanos) {
        durations.merge(part, TimeUnit.NANOSECONDS.toMillis(nanos), Long::sum);
    }

    /** Counts a recovery, and what it took before the next attempt began. */
    void recovered(long nanos) {
        recoveries++;
        took("recovery", nanos);
    }

    /** Publishes the progress of one epoch and begins the next. */
    void report(Epoch epoch) {
        long now = System.nanoTime();
        long durationMillis = Math.max(1, TimeUnit.NANOSECONDS.toMillis(now - epochStartNanos));
        durations.put("triggerExecution", durationMillis);
        query.publish(
                progress(epoch, durationMillis),
                epochStartMillis,
                epoch.allRowsRead() > 0 || epoch.rowsWritten() > 0);
        durations.clear();
        epochStartMillis = query.triggerClock().getTimeMillis();
        epochStartNanos = now;
    }

    private StreamingQueryProgress progress(Epoch epoch, long durationMillis) {
        return new StreamingQueryProgress(
                query.id(),
                query.runId(),
                query.name(),
                query.progressReporter().formatTimestamp(epochStartMillis),
                epoch.epoch(),
                durationMillis,
                new HashMap<>(durations),
                epoch.eventTime(),
                stateOperators(),
                sources.stream()
                        .map(source -> sourceProgress(source, epoch, durationMillis))
                        .toArray(SourceProgress[]::new),
                new SinkProgress(query.sink().toString(), epoch.rowsWritten(), sinkMetrics()),
                new HashMap<String, Row>());
    }

    private SourceProgress sourceProgress(SparkSource source, Epoch epoch, long durationMillis) {
        long rows = epoch.rowsRead().getOrDefault(source, 0L);
        double rowsPerSecond = rows == 0 ? 0 : rows * 1_000.0 / durationMillis;
        Offset start = epoch.before().get(source.stream());
        return new SourceProgress(
                source.stream().toString(),
                start == null ? null : start.json(),
                source.committed().map(Offset::json).orElse(null),
                latestOf(source, epoch.latest()).map(Offset::json).orElse(null),
                rows,
                rowsPerSecond,
                rowsPerSecond,
                sourceMetrics.getOrDefault(source, new HashMap<>()));
    }

    /** Takes what the sources tell of themselves. */
    void sourceMetrics(SparkSource source) {
        sourceMetrics.put(source, new HashMap<>(source.metrics()));
    }

    /** The latest offset that is known, or where the query stands when it has passed that. */
    static Optional<Offset> latestOf(SparkSource source, Map<SparkSource, Optional<Offset>> latest) {
        return latest.getOrDefault(source, Optional.empty())
                .map(offset -> source.committed()
                        .filter(committed -> OffsetJson.hasReached(committed.json(), offset.json()))
                        .orElse(offset));
    }

    /** What a bounded epoch says of event times. */
    Map<String, String> eventTime(EpochPlan plan, GlobalWatermark watermark, Map<String, ObservedEventTimes> seen) {
        Map<String, String> eventTime = new HashMap<>();
        if (watermark.isAssigned()) {
            eventTime.put("watermark", query.progressReporter().formatTimestamp(plan.watermarkMillis()));
        }
        seen.values().stream().reduce(ObservedEventTimes::and).ifPresent(times -> {
            eventTime.put("max", query.progressReporter().formatTimestamp(times.maxMillis()));
            eventTime.put("min", query.progressReporter().formatTimestamp(times.minMillis()));
            eventTime.put("avg", query.progressReporter().formatTimestamp(times.averageMillis()));
        });
        return eventTime;
    }

    /** What a continuous epoch says of event times. */
    Map<String, String> eventTime(long watermarkMillis) {
        Map<String, String> eventTime = new HashMap<>();
        if (dataflow().watermarkMicros() != Long.MIN_VALUE || watermarkMillis > 0) {
            eventTime.put("watermark", query.progressReporter().formatTimestamp(watermarkMillis));
        }
        return eventTime;
    }

    private Map<String, String> sinkMetrics() {
        Map<String, String> metricTexts = new HashMap<>();
        if (recoveries > 0) {
            metricTexts.put("recoveries", String.valueOf(recoveries));
        }
        Histogram latencies = dataflow().latency().interval();
        if (latencies.getTotalCount() > 0) {
            metricTexts.put("latency.p50", millis(latencies.getValueAtPercentile(50)));
            metricTexts.put("latency.p99", millis(latencies.getValueAtPercentile(99)));
            metricTexts.put("latency.max", millis(latencies.getMaxValue()));
        }
        return metricTexts;
    }

    private static String millis(long micros) {
        return String.format(Locale.ROOT, "%.3f", micros / MICROS_PER_MILLI);
    }

    private StateOperatorProgress[] stateOperators() {
        Map<OperatorKey, OperatorTotals> totals = new TreeMap<>(java.util.Comparator.comparingInt(OperatorKey::stageId)
                .thenComparingInt(OperatorKey::operatorIndex)
                .thenComparing(OperatorKey::name));
        for (DataflowMetrics.OperatorSample sample : dataflow().operators()) {
            OperatorKey key = new OperatorKey(sample.stageId(), sample.operatorIndex(), sample.name());
            totals.put(key, totals.getOrDefault(key, OperatorTotals.ZERO).plus(sample));
        }
        List<StateOperatorProgress> operators = new ArrayList<>();
        totals.forEach((key, total) -> operators.add(stateOperator(key, total)));
        lastOperators = new HashMap<>(totals);
        return operators.toArray(StateOperatorProgress[]::new);
    }

    private StateOperatorProgress stateOperator(OperatorKey key, OperatorTotals total) {
        OperatorTotals last = lastOperators.getOrDefault(key, OperatorTotals.ZERO);
        return new StateOperatorProgress(
                key.name(),
                total.rows(),
                total.updated() - last.updated(),
                0,
                total.removed() - last.removed(),
                0,
                0,
                total.bytes(),
                total.dropped() - last.dropped(),
                keyGroupCount,
                total.tasks(),
                new HashMap<>(Map.of(DROPPED_DUPLICATES, total.duplicates() - last.duplicates())));
    }

    private DataflowMetrics dataflow() {
        if (metrics == null) {
            throw new IllegalStateException("no dataflow has begun");
        }
        return metrics;
    }
}
