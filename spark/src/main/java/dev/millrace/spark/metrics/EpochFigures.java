package dev.millrace.spark.metrics;

/**
 * One committed epoch.
 *
 * <p>Units: milliseconds, and bytes.
 *
 * @param endMillis when its commit was done
 * @param durationMillis from the commit before to its own
 * @param alignmentMillis from asking for its barrier until every task but the writing ones had taken it
 * @param prepareMillis from there until every writing task had its rows ready to be committed
 * @param snapshotMillis from there, alongside, until its state was on storage
 * @param commitMillis what manifest, logs and sink took
 * @param snapshotBytes what its state took on storage: what changed, and now and then a base
 * @param watermarkMillis the watermark as of its end, or 0
 */
public record EpochFigures(
        long epoch,
        long endMillis,
        long durationMillis,
        long rowsRead,
        long rowsWritten,
        long alignmentMillis,
        long prepareMillis,
        long snapshotMillis,
        long commitMillis,
        long snapshotBytes,
        long watermarkMillis) {}
