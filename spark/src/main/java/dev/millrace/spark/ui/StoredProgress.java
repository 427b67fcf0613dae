package dev.millrace.spark.ui;

import org.apache.spark.util.kvstore.KVIndex;

/**
 * One progress event of a run.
 *
 * <p>Units: milliseconds, and rows since the event before.
 *
 * @param key of this event alone
 * @param number which of the run's events it is
 * @param timeMillis when it came
 * @param isEnd whether it is an epoch's last
 * @param watermarkMillis or 0 where there is none
 * @param recoveryMillis what a recovery took that came before it, or 0
 */
public record StoredProgress(
        String key,
        String runId,
        long number,
        long timeMillis,
        long epoch,
        boolean isEnd,
        long durationMillis,
        long rowsRead,
        long rowsWritten,
        double readPerSecond,
        double writtenPerSecond,
        double p50,
        double p99,
        double max,
        long alignmentMillis,
        long prepareMillis,
        long snapshotMillis,
        long commitMillis,
        long watermarkMillis,
        long recoveryMillis) {
    /** By which those of a run are found. */
    static final String RUN = "run";

    static String key(String runId, long number) {
        return runId + "#" + number;
    }

    @KVIndex
    public String key() {
        return key;
    }

    @KVIndex(RUN)
    public String runId() {
        return runId;
    }
}
