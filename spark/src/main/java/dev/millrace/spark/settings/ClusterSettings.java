package dev.millrace.spark.settings;

import java.util.OptionalInt;
import org.apache.spark.sql.internal.SQLConf;

/**
 * What a user may set about running queries on executors.
 *
 * @param workers how many; 0 for none, so that the driver runs the query alone; empty where the user left it open
 * @param loopCount loops of each, or 0 where that is left to the executors' cores
 * @param stateMemoryBytes memory for keyed state in each process, or 0 where that is left to its heap
 * @param timeoutMillis how long to wait for them
 * @param detectionMillis after how long without a sign of life a worker counts as lost
 * @param compresses whether rows between workers are compressed
 */
public record ClusterSettings(
        OptionalInt workers,
        int loopCount,
        long stateMemoryBytes,
        long timeoutMillis,
        long detectionMillis,
        boolean compresses) {
    /** As many workers as there are executors. */
    public static final int ALL = Integer.MAX_VALUE;

    private static final int UNSET = -1;

    static ClusterSettings read(SQLConf conf) {
        return new ClusterSettings(
                workers(conf),
                MillraceSettings.LOOPS.read(conf, 0),
                MillraceSettings.STATE_MEMORY.read(conf, 0L),
                MillraceSettings.WORKERS_TIMEOUT.read(conf, 60_000L),
                MillraceSettings.DETECTION.read(conf, 5_000L),
                MillraceSettings.EXCHANGE_COMPRESS.read(conf, false));
    }

    /** How many workers are wanted now, which may change while a query runs. Errors: UNSUPPORTED_SETTING. */
    public static OptionalInt workers(SQLConf conf) {
        int workers = MillraceSettings.WORKERS.read(conf, UNSET);
        return workers == UNSET ? OptionalInt.empty() : OptionalInt.of(workers);
    }
}
