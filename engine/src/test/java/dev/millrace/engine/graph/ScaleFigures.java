package dev.millrace.engine.graph;

import dev.millrace.engine.epoch.CompletedEpoch;
import dev.millrace.engine.snapshot.StoredSnapshot;
import org.jspecify.annotations.Nullable;

/**
 * What one epoch's end cost. Times are virtual but for those named CPU, which were measured on the driver's thread.
 *
 * @param barrierNanos from the request until the last task that does not write had taken its barrier
 * @param completeNanos from the request until the coordinator had all reports
 * @param commitNanos from there until the commit log had its entry
 * @param commands messages to workers
 * @param reports messages from them
 * @param namedFiles snapshot files that the manifest names
 */
record ScaleFigures(
        long barrierNanos,
        long completeNanos,
        long commitNanos,
        long commands,
        long reports,
        long reportBytes,
        long gatherCpuNanos,
        long commitCpuNanos,
        long purgeCpuNanos,
        long manifestBytes,
        int sections,
        int namedFiles,
        int snapshotFiles,
        int deletedFiles,
        long storedBytes) {
    /** Of every report to the driver: the worker's incarnation, the kind, an attempt's name of 40 letters. */
    private static final int REPORT_BYTES = 8 + 1 + 4 + 40;

    static final int BARRIER_TAKEN_BYTES = REPORT_BYTES + 4 + 4 + 8;

    /** What an entry of a snapshot's index takes in a report. */
    private static final int SNAPSHOT_ENTRY_BYTES = 37;

    /** What a partition's position takes as a serialized object, and its list; connectors differ. */
    private static final int POSITION_BYTES = 60;

    private static final int LIST_BYTES = 60;

    static long positionsBytes(int partitions) {
        return REPORT_BYTES + 4 + 4 + 8 + 4 + 4L * partitions + 4 + LIST_BYTES + (long) POSITION_BYTES * partitions + 8;
    }

    static long preparedBytes(int messageBytes) {
        return REPORT_BYTES + 4 + 4 + 8 + 4 + messageBytes + 8;
    }

    static long storedBytes(StoredSnapshot snapshot) {
        return REPORT_BYTES
                + 8
                + 4
                + snapshot.file().length()
                + 4
                + (long) SNAPSHOT_ENTRY_BYTES * snapshot.index().size();
    }

    /** Fills up while an epoch ends. */
    static final class Builder {
        long requestedNanos;
        long completedNanos;
        long committedNanos;
        long commands;
        long reports;
        long reportBytes;
        long gatherCpuNanos;
        long commitCpuNanos;
        long purgeCpuNanos;
        long manifestBytes;
        int sections;
        int namedFiles;
        int snapshotFiles;
        int deletedFiles;
        long storedBytes;

        @Nullable
        CompletedEpoch completed;

        private long alignedNanos;

        void barrierTaken(long nanos) {
            alignedNanos = Math.max(alignedNanos, nanos);
        }

        ScaleFigures build() {
            return new ScaleFigures(
                    alignedNanos - requestedNanos,
                    completedNanos - requestedNanos,
                    committedNanos - completedNanos,
                    commands,
                    reports,
                    reportBytes,
                    gatherCpuNanos,
                    commitCpuNanos,
                    purgeCpuNanos,
                    manifestBytes,
                    sections,
                    namedFiles,
                    snapshotFiles,
                    deletedFiles,
                    storedBytes);
        }
    }
}
