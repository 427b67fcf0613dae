package dev.millrace.spark.ui;

import dev.millrace.spark.metrics.DataflowSample;
import dev.millrace.spark.metrics.FailureFigures;
import dev.millrace.spark.metrics.QueryFigures;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What the list of queries shows; written as JSON by its components' names.
 *
 * @param nowMillis the clock of the driver, by which the page tells ages
 */
record QueriesView(long nowMillis, List<Row> queries) {
    static QueriesView of(List<QueryFigures> queries) {
        long now = System.currentTimeMillis();
        return new QueriesView(
                now, queries.stream().map(query -> Row.of(query, now)).toList());
    }

    /**
     * One query. Rates and latency are 0 while none runs.
     *
     * @param watermarkLagMillis null without a watermark
     * @param epoch the epoch under way, or -1
     * @param error what it failed with last, while it recovers or when that ended it
     */
    record Row(
            String runId,
            String id,
            @Nullable String name,
            String state,
            String sink,
            String outputMode,
            long triggerMillis,
            long startMillis,
            long endMillis,
            double readPerSecond,
            double writtenPerSecond,
            double p50,
            double p99,
            @Nullable Long watermarkLagMillis,
            long epoch,
            long epochAgeMillis,
            long stateRows,
            long stateBytes,
            long lateRows,
            int recoveries,
            @Nullable String error) {
        private static final DataflowSample NOTHING = new DataflowSample(
                0,
                0,
                0,
                new DataflowSample.Latency(0, 0, 0, 0, 0),
                Long.MIN_VALUE,
                List.of(),
                List.of(),
                List.of(),
                List.of());

        static Row of(QueryFigures query, long now) {
            QueryFigures.Identity identity = query.identity();
            QueryFigures.State state = query.state();
            DataflowSample latest = query.latest();
            DataflowSample sample = latest == null ? NOTHING : latest;
            boolean running = state == QueryFigures.State.RUNNING;
            boolean failing = state == QueryFigures.State.RECOVERING || state == QueryFigures.State.FAILED;
            return new Row(
                    identity.runId().toString(),
                    identity.id().toString(),
                    identity.name(),
                    state.name(),
                    identity.sink(),
                    identity.outputMode(),
                    identity.triggerMillis(),
                    identity.startMillis(),
                    query.endMillis(),
                    running ? sample.rowsReadPerSecond() : 0,
                    running ? sample.rowsWrittenPerSecond() : 0,
                    running ? sample.latency().p50() : 0,
                    running ? sample.latency().p99() : 0,
                    running ? lagMillis(sample.watermarkMicros(), now) : null,
                    query.epochUnderWay(),
                    query.isActive() ? now - query.epochStartMillis() : 0,
                    sample.state().rows(),
                    sample.state().memoryBytes(),
                    sample.lateRows(),
                    query.recoveryCount(),
                    failing
                            ? query.failures().stream()
                                    .findFirst()
                                    .map(FailureFigures::message)
                                    .orElse(null)
                            : null);
        }

        private static @Nullable Long lagMillis(long watermarkMicros, long now) {
            return watermarkMicros == Long.MIN_VALUE ? null : now - Math.floorDiv(watermarkMicros, 1_000L);
        }
    }
}
