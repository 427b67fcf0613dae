package dev.millrace.spark.metrics;

import java.util.List;

/** What Millrace calls the figures that it puts into Spark's progress: {@code docs/metrics.md} has them. */
public final class ProgressNames {
    // Among the durations.
    public static final String ALIGNMENT = "alignment";
    public static final String SINK_PREPARE = "sinkPrepare";
    public static final String SNAPSHOT = "snapshot";
    public static final String RECOVERY = "recovery";

    /** Parts of an epoch's end that together are its commit. */
    public static final List<String> COMMIT_PARTS = List.of("manifestCommit", "walCommit", "addBatch", "commitOffsets");

    /** Among the event times. */
    public static final String WATERMARK = "watermark";

    // Among the sink's metrics.
    public static final String RECOVERIES = "recoveries";
    public static final String LATENCY_P50 = "latency.p50";
    public static final String LATENCY_P95 = "latency.p95";
    public static final String LATENCY_P99 = "latency.p99";
    public static final String LATENCY_MAX = "latency.max";
    private static final String STAGE = "stage.";
    private static final String BUSY = ".busy";

    // Among a stateful operator's metrics; the first is Spark's name, in the progress of a deduplication.
    public static final String DROPPED_DUPLICATES = "numDroppedDuplicateRows";
    public static final String SPILLED_ROWS = "numRowsSpilled";
    public static final String SPILLED_BYTES = "spilledBytes";

    private ProgressNames() {}

    /** The share of time in which a stage worked. */
    public static String busy(int stageId) {
        return STAGE + stageId + BUSY;
    }

    /** Whether one of a sink's metrics is a stage's share of time, which no other engine tells. */
    public static boolean isBusy(String name) {
        return name.startsWith(STAGE) && name.endsWith(BUSY);
    }
}
