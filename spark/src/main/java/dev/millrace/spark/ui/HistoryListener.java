package dev.millrace.spark.ui;

import dev.millrace.spark.metrics.ProgressNames;
import dev.millrace.spark.metrics.QueryFigures;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.apache.spark.sql.streaming.SourceProgress;
import org.apache.spark.sql.streaming.StateOperatorProgress;
import org.apache.spark.sql.streaming.StreamingQueryListener;
import org.apache.spark.sql.streaming.StreamingQueryProgress;
import org.apache.spark.status.ElementTrackingStore;
import org.jspecify.annotations.Nullable;

/**
 * Keeps what an event log tells of the runs of queries on Millrace. It knows them by their progress: that of other
 * engines has no figures of stages. So one that ended before its first progress is left out.
 *
 * <p>Thread: the one that reads the log. Bounds: {@link QueryFigures#POINTS} events of each run, and as many runs that
 * have ended as an application shows.
 */
final class HistoryListener extends StreamingQueryListener {
    private final ElementTrackingStore store;
    private final int retained;
    private final Map<String, QueryStartedEvent> started = new HashMap<>();
    private final Map<String, StoredRun> running = new HashMap<>();
    private final Deque<String> ended = new ArrayDeque<>();

    /** @param retained how many runs that have ended are kept */
    HistoryListener(ElementTrackingStore store, int retained) {
        this.store = store;
        this.retained = retained;
    }

    @Override
    public void onQueryStarted(QueryStartedEvent event) {
        started.put(event.runId().toString(), event);
    }

    @Override
    public void onQueryProgress(QueryProgressEvent event) {
        StreamingQueryProgress progress = event.progress();
        String runId = progress.runId().toString();
        StoredRun run = running.get(runId);
        if (run == null && progress.sink().metrics().keySet().stream().noneMatch(ProgressNames::isBusy)) {
            return;
        }
        StoredRun before = run == null ? begun(progress) : run;
        StoredProgress stored = progress(before, progress);
        store.write(stored);
        if (stored.number() >= QueryFigures.POINTS) {
            store.delete(StoredProgress.class, StoredProgress.key(runId, stored.number() - QueryFigures.POINTS));
        }
        StoredRun now = after(before, progress, stored);
        running.put(runId, now);
        store.write(now);
    }

    private StoredRun begun(StreamingQueryProgress progress) {
        String runId = progress.runId().toString();
        QueryStartedEvent start = started.get(runId);
        long startMillis = millis(start == null ? progress.timestamp() : start.timestamp());
        return new StoredRun(
                runId,
                progress.id().toString(),
                progress.name(),
                progress.sink().description(),
                startMillis,
                0,
                startMillis,
                0,
                0,
                List.of(),
                null);
    }

    private static long millis(String timestamp) {
        return Instant.parse(timestamp).toEpochMilli();
    }

    private static StoredProgress progress(StoredRun run, StreamingQueryProgress progress) {
        Map<String, Long> durations = progress.durationMs();
        Map<String, String> figures = progress.sink().metrics();
        long timeMillis = millis(progress.timestamp()) + progress.batchDuration();
        long written = Math.max(0, progress.sink().numOutputRows());
        String watermark = progress.eventTime().get(ProgressNames.WATERMARK);
        return new StoredProgress(
                StoredProgress.key(run.runId(), run.progressCount()),
                run.runId(),
                run.progressCount(),
                timeMillis,
                progress.batchId(),
                durations.containsKey(ProgressNames.ALIGNMENT),
                progress.batchDuration(),
                Stream.of(progress.sources())
                        .mapToLong(SourceProgress::numInputRows)
                        .sum(),
                written,
                Stream.of(progress.sources())
                        .mapToDouble(SourceProgress::inputRowsPerSecond)
                        .sum(),
                written * 1_000.0 / Math.max(1, timeMillis - run.lastMillis()),
                figure(figures, ProgressNames.LATENCY_P50),
                figure(figures, ProgressNames.LATENCY_P99),
                figure(figures, ProgressNames.LATENCY_MAX),
                durations.getOrDefault(ProgressNames.ALIGNMENT, 0L),
                durations.getOrDefault(ProgressNames.SINK_PREPARE, 0L),
                durations.getOrDefault(ProgressNames.SNAPSHOT, 0L),
                ProgressNames.COMMIT_PARTS.stream()
                        .mapToLong(part -> durations.getOrDefault(part, 0L))
                        .sum(),
                watermark == null ? 0 : millis(watermark),
                durations.getOrDefault(ProgressNames.RECOVERY, 0L));
    }

    private static double figure(Map<String, String> figures, String name) {
        return Double.parseDouble(figures.getOrDefault(name, "0"));
    }

    private static StoredRun after(StoredRun before, StreamingQueryProgress progress, StoredProgress stored) {
        return new StoredRun(
                before.runId(),
                before.id(),
                before.name(),
                before.sink(),
                before.startMillis(),
                0,
                stored.timeMillis(),
                before.progressCount() + 1,
                (int) figure(progress.sink().metrics(), ProgressNames.RECOVERIES),
                operators(before.operators(), progress.stateOperators()),
                null);
    }

    private static List<StoredRun.Operator> operators(
            List<StoredRun.Operator> before, StateOperatorProgress... progress) {
        List<StoredRun.Operator> operators = new ArrayList<>();
        for (int i = 0; i < progress.length; i++) {
            StateOperatorProgress now = progress[i];
            StoredRun.@Nullable Operator last = i < before.size() ? before.get(i) : null;
            Map<String, Long> figures = now.customMetrics();
            operators.add(new StoredRun.Operator(
                    now.operatorName(),
                    (int) now.numStateStoreInstances(),
                    now.numRowsTotal(),
                    now.memoryUsedBytes(),
                    figures.getOrDefault(ProgressNames.SPILLED_ROWS, 0L),
                    figures.getOrDefault(ProgressNames.SPILLED_BYTES, 0L),
                    now.numRowsUpdated() + (last == null ? 0 : last.updated()),
                    now.numRowsRemoved() + (last == null ? 0 : last.removed()),
                    now.numRowsDroppedByWatermark() + (last == null ? 0 : last.late()),
                    figures.getOrDefault(ProgressNames.DROPPED_DUPLICATES, 0L)
                            + (last == null ? 0 : last.duplicates())));
        }
        return operators;
    }

    /** The event does not say when it came: it is the moment of the run's last progress, or a little later. */
    @Override
    public void onQueryTerminated(QueryTerminatedEvent event) {
        String runId = event.runId().toString();
        started.remove(runId);
        StoredRun run = running.remove(runId);
        if (run == null) {
            return;
        }
        store.write(new StoredRun(
                runId,
                run.id(),
                run.name(),
                run.sink(),
                run.startMillis(),
                run.lastMillis(),
                run.lastMillis(),
                run.progressCount(),
                run.recoveries(),
                run.operators(),
                event.exception().isDefined() ? event.exception().get() : null));
        ended.add(runId);
        while (ended.size() > retained) {
            forget(ended.remove());
        }
    }

    private void forget(String runId) {
        store.delete(StoredRun.class, runId);
        boolean unused = store.removeAllByIndexValues(StoredProgress.class, StoredProgress.RUN, List.of(runId));
    }
}
