package dev.millrace.bench.chaos;

import java.util.List;

/** What befalls the query. */
enum Fault {
    /** Its process is killed, and started again: on a cluster the driver's. */
    KILL_QUERY,
    /** The broker is killed, and started again after a while. */
    KILL_BROKER,
    /** For a while nothing can be written to the checkpoint. */
    BREAK_STORAGE,
    /** It is stopped as a user stops it, and started with another number of loops, or of workers. */
    RESTART,
    /** An executor is killed, and Spark starts another. */
    KILL_EXECUTOR,
    /** An executor stands still until it counts as lost, and then goes on as if it did not. */
    FREEZE_EXECUTOR;

    /** What a run inflicts at least once, in any order. */
    static List<Fault> once(boolean isOnCluster) {
        return isOnCluster
                ? List.of(KILL_EXECUTOR, FREEZE_EXECUTOR, KILL_QUERY)
                : List.of(KILL_QUERY, KILL_BROKER, BREAK_STORAGE, RESTART);
    }

    /** What comes after, each as often as it is named here. */
    static List<Fault> thereafter(boolean isOnCluster) {
        return isOnCluster
                ? List.of(
                        KILL_EXECUTOR,
                        KILL_EXECUTOR,
                        KILL_EXECUTOR,
                        KILL_EXECUTOR,
                        FREEZE_EXECUTOR,
                        FREEZE_EXECUTOR,
                        KILL_QUERY,
                        KILL_BROKER,
                        BREAK_STORAGE,
                        RESTART)
                : once(false);
    }
}
