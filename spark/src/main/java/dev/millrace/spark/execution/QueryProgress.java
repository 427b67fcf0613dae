package dev.millrace.spark.execution;

import dev.millrace.engine.epoch.EpochTimes;
import dev.millrace.engine.metrics.DataflowMetrics;
import dev.millrace.engine.metrics.EventTimes;
import dev.millrace.spark.metrics.DataflowSample;
import dev.millrace.spark.metrics.DataflowSampler;
import dev.millrace.spark.metrics.EpochFigures;
import dev.millrace.spark.metrics.ProgressNames;
import dev.millrace.spark.source.OffsetJson;
import dev.millrace.spark.source.SparkSource;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.connector.read.streaming.Offset;
import org.apache.spark.sql.connector.read.streaming.SparkDataStream;
import org.apache.spark.sql.streaming.SinkProgress;
import org.apache.spark.sql.streaming.SourceProgress;
import org.apache.spark.sql.streaming.StateOperatorProgress;
import org.apache.spark.sql.streaming.StreamingQueryProgress;
import org.jspecify.annotations.Nullable;

/**
 * Builds a {@code StreamingQueryProgress} per epoch, and within a long epoch one every {@code
 * spark.millrace.progress.interval}; each counts the rows since the one before. What it holds beyond Spark's own is in
 * {@code docs/metrics.md}.
 *
 * <p>Thread: the query's.
 */
final class QueryProgress {
    private final MillraceExecution query;
    private final List<SparkSource> sources;
    private final int keyGroupCount;
    private final long intervalNanos;
    private final Map<String, Long> durations = new HashMap<>();
    private final Map<SparkSource, Map<String, String>> sourceMetrics = new HashMap<>();
    private final Map<SparkSource, Long> reportedRead = new HashMap<>();
    private List<DataflowSample.StateOperator> lastOperators = List.of();
    private @Nullable DataflowMetrics metrics;
    private @Nullable DataflowSampler sampler;
    private long reportedWritten;
    private long reportedNanos;
    private int recoveries;
    private long epochStartMillis;
    private long epochStartNanos;

    /**
     * What is to be reported of an epoch.
     *
     * @param before where each stream stood at its start
     * @param rowsRead in the epoch, so far if it has not ended
     * @param latest what each source was last known to hold
     * @param end what is known of its end; null while it has not ended
     */
    record Epoch(
            long epoch,
            Map<SparkDataStream, Offset> before,
            Map<SparkSource, Long> rowsRead,
            long rowsWritten,
            Map<SparkSource, Optional<Offset>> latest,
            long watermarkMillis,
            @Nullable EpochEnd end) {}

    /**
     * How an epoch ended.
     *
     * @param observed the metrics of each observation
     */
    record EpochEnd(EpochTimes times, long snapshotBytes, Map<String, Row> observed) {
        long alignmentMillis() {
            return millis(times.alignedNanos() - times.requestedNanos());
        }

        long prepareMillis() {
            return millis(times.preparedNanos() - times.alignedNanos());
        }

        long snapshotMillis() {
            return millis(times.storedNanos() - times.alignedNanos());
        }

        private static long millis(long nanos) {
            return TimeUnit.NANOSECONDS.toMillis(Math.max(0, nanos));
        }
    }

    /** @param intervalMillis how often to report within an epoch */
    QueryProgress(MillraceExecution query, List<SparkSource> sources, int keyGroupCount, long intervalMillis) {
        this.query = query;
        this.sources = sources;
        this.keyGroupCount = keyGroupCount;
        this.intervalNanos = TimeUnit.MILLISECONDS.toNanos(intervalMillis);
    }

    /** A dataflow starts; its counters begin at zero. */
    void begin(DataflowMetrics dataflow) {
        metrics = dataflow;
        sampler = new DataflowSampler(dataflow, System.nanoTime());
        lastOperators = List.of();
        beginEpoch(System.nanoTime());
    }

    private void beginEpoch(long now) {
        epochStartMillis = query.triggerClock().getTimeMillis();
        epochStartNanos = now;
        reportedNanos = now;
        reportedRead.clear();
        reportedWritten = 0;
    }

    /** How long until the epoch under way is to be reported although it has not ended. */
    long untilReportNanos() {
        return Math.max(0, reportedNanos + intervalNanos - System.nanoTime());
    }

    /** The dataflow's watermark, or 0. */
    long watermarkMillis() {
        long micros = dataflow().watermarkMicros();
        return micros == Long.MIN_VALUE ? 0 : Math.max(0, Math.floorDiv(micros, 1_000L));
    }

    /** For each reading stage's id, the rows that the dataflow has read. */
    Map<Integer, Long> rowsRead() {
        return dataflow().rowsRead();
    }

    /** The rows that the dataflow has written. */
    Map<Integer, Long> rowsWritten() {
        return dataflow().rowsWritten();
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
        beginEpoch(System.nanoTime());
    }

    /** The trigger found nothing to do: gives what there is to say, and forgets what looking took. */
    void idle(Map<SparkDataStream, Offset> committed, long watermarkMillis) {
        long now = System.nanoTime();
        query.publishIdle(
                epochStartMillis,
                () -> progress(
                        new Epoch(query.nextEpoch(), committed, Map.of(), 0, Map.of(), watermarkMillis, null), now));
        durations.clear();
    }

    /** Counts the time of something that was done before an epoch. */
    void took(String part, long nanos) {
        durations.merge(part, TimeUnit.NANOSECONDS.toMillis(nanos), Long::sum);
    }

    /** Counts a recovery, and what it took from hearing of the failure until the next attempt began. */
    void recovered(long nanos) {
        recoveries++;
        took(ProgressNames.RECOVERY, nanos);
    }

    /** Publishes the progress of an epoch; if it has ended, the next begins. */
    void report(Epoch epoch) {
        long now = System.nanoTime();
        StreamingQueryProgress progress = progress(epoch, now);
        query.publish(progress, epochStartMillis, progress.sink().numOutputRows() > 0 || progress.numInputRows() > 0);
        EpochEnd end = epoch.end();
        if (end != null) {
            query.figures().committed(epochFigures(epoch, end, progress.batchDuration()));
            durations.clear();
            beginEpoch(now);
        } else {
            reportedNanos = now;
            reportedRead.putAll(epoch.rowsRead());
            reportedWritten = epoch.rowsWritten();
        }
    }

    private StreamingQueryProgress progress(Epoch epoch, long now) {
        long durationMillis = Math.max(1, TimeUnit.NANOSECONDS.toMillis(now - epochStartNanos));
        durations.put("triggerExecution", durationMillis);
        EpochEnd end = epoch.end();
        if (end != null) {
            durations.put(ProgressNames.ALIGNMENT, end.alignmentMillis());
            durations.put(ProgressNames.SINK_PREPARE, end.prepareMillis());
            durations.put(ProgressNames.SNAPSHOT, end.snapshotMillis());
        }
        long written = Math.max(0, epoch.rowsWritten() - reportedWritten);
        SourceProgress[] sourceProgress = sources.stream()
                .map(source -> sourceProgress(source, epoch, Math.max(1, now - reportedNanos)))
                .toArray(SourceProgress[]::new);
        DataflowSample sample = sample(now);
        return new StreamingQueryProgress(
                query.id(),
                query.runId(),
                query.name(),
                query.progressReporter().formatTimestamp(epochStartMillis),
                epoch.epoch(),
                durationMillis,
                new HashMap<>(durations),
                eventTime(epoch),
                stateOperators(sample.operators(), end),
                sourceProgress,
                new SinkProgress(query.sink().toString(), written, sinkMetrics(sample)),
                end == null ? new HashMap<>() : new HashMap<>(end.observed()));
    }

    private EpochFigures epochFigures(Epoch epoch, EpochEnd end, long durationMillis) {
        return new EpochFigures(
                epoch.epoch(),
                System.currentTimeMillis(),
                durationMillis,
                epoch.rowsRead().values().stream().mapToLong(Long::longValue).sum(),
                epoch.rowsWritten(),
                end.alignmentMillis(),
                end.prepareMillis(),
                end.snapshotMillis(),
                ProgressNames.COMMIT_PARTS.stream()
                        .mapToLong(part -> durations.getOrDefault(part, 0L))
                        .sum(),
                end.snapshotBytes(),
                epoch.watermarkMillis());
    }

    private DataflowSample sample(long now) {
        if (sampler == null) {
            throw new IllegalStateException("no dataflow has begun");
        }
        return sampler.next(System.currentTimeMillis(), now);
    }

    /** @param nanos since the report before */
    private SourceProgress sourceProgress(SparkSource source, Epoch epoch, long nanos) {
        long rows = Math.max(0, epoch.rowsRead().getOrDefault(source, 0L) - reportedRead.getOrDefault(source, 0L));
        double rowsPerSecond = rows * (double) TimeUnit.SECONDS.toNanos(1) / nanos;
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
        return latest.getOrDefault(source, Optional.empty()).map(offset -> source.committed()
                .filter(committed -> OffsetJson.hasReached(committed.json(), offset.json()))
                .orElse(offset));
    }

    private Map<String, String> eventTime(Epoch epoch) {
        Map<String, String> texts = new HashMap<>();
        if (dataflow().watermarkMicros() != Long.MIN_VALUE || epoch.watermarkMillis() > 0) {
            texts.put(ProgressNames.WATERMARK, query.progressReporter().formatTimestamp(epoch.watermarkMillis()));
        }
        EventTimes times = dataflow().eventTimes(epoch.epoch());
        if (times.count() > 0) {
            texts.put("max", timestamp(times.maxMicros()));
            texts.put("min", timestamp(times.minMicros()));
            texts.put("avg", timestamp((long) times.averageMicros()));
        }
        return texts;
    }

    private String timestamp(long micros) {
        return query.progressReporter().formatTimestamp(Math.floorDiv(micros, 1_000L));
    }

    private Map<String, String> sinkMetrics(DataflowSample sample) {
        Map<String, String> texts = new HashMap<>();
        if (recoveries > 0) {
            texts.put(ProgressNames.RECOVERIES, String.valueOf(recoveries));
        }
        DataflowSample.Latency latency = sample.latency();
        if (latency.count() > 0) {
            texts.put(ProgressNames.LATENCY_P50, decimal(latency.p50()));
            texts.put(ProgressNames.LATENCY_P95, decimal(latency.p95()));
            texts.put(ProgressNames.LATENCY_P99, decimal(latency.p99()));
            texts.put(ProgressNames.LATENCY_MAX, decimal(latency.max()));
        }
        sample.tasks().stream()
                .mapToInt(DataflowSample.Task::stageId)
                .distinct()
                .forEach(stage -> {
                    texts.put(ProgressNames.busy(stage), decimal(sample.busy(stage)));
                    texts.put("stage.%d.backPressured".formatted(stage), decimal(sample.backPressured(stage)));
                });
        return texts;
    }

    private static String decimal(double value) {
        return String.format(Locale.ROOT, "%.3f", value);
    }

    private StateOperatorProgress[] stateOperators(
            List<DataflowSample.StateOperator> operators, @Nullable EpochEnd end) {
        List<StateOperatorProgress> progress = new ArrayList<>();
        for (int i = 0; i < operators.size(); i++) {
            // All tasks of a dataflow are made before it starts, so the operators are the same each time.
            DataflowSample.StateOperator last = lastOperators.isEmpty() ? null : lastOperators.get(i);
            progress.add(stateOperator(operators.get(i), last, end));
        }
        lastOperators = operators;
        return progress.toArray(StateOperatorProgress[]::new);
    }

    private StateOperatorProgress stateOperator(
            DataflowSample.StateOperator now, DataflowSample.@Nullable StateOperator last, @Nullable EpochEnd end) {
        return new StateOperatorProgress(
                now.name(),
                now.state().rows(),
                now.updated() - (last == null ? 0 : last.updated()),
                0,
                now.removed() - (last == null ? 0 : last.removed()),
                0,
                end == null ? 0 : end.snapshotMillis(),
                now.state().memoryBytes(),
                now.late() - (last == null ? 0 : last.late()),
                keyGroupCount,
                now.tasks(),
                new HashMap<>(Map.of(
                        ProgressNames.DROPPED_DUPLICATES,
                        now.duplicates() - (last == null ? 0 : last.duplicates()),
                        ProgressNames.SPILLED_ROWS,
                        now.state().spilledRows(),
                        ProgressNames.SPILLED_BYTES,
                        now.state().spilledBytes())));
    }

    private DataflowMetrics dataflow() {
        if (metrics == null) {
            throw new IllegalStateException("no dataflow has begun");
        }
        return metrics;
    }
}
