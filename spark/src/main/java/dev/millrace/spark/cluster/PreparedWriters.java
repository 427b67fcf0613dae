package dev.millrace.spark.cluster;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Knows how many of a worker's writing tasks have prepared an epoch, so that what belongs to the epoch as a whole is
 * told once, by the last of them, and not by each.
 *
 * <p>Thread: any. Bounds: epochs that some of the tasks have prepared, and not all.
 */
final class PreparedWriters {
    private final int taskCount;
    private final Map<Long, Integer> preparedOfEpoch = new ConcurrentHashMap<>();

    /** @param taskCount writing tasks of this worker, over all of its sinks */
    PreparedWriters(int taskCount) {
        this.taskCount = taskCount;
    }

    /** One more has prepared the epoch; true for the last one. */
    boolean isLast(long epoch) {
        boolean last = preparedOfEpoch.merge(epoch, 1, Integer::sum) == taskCount;
        if (last) {
            preparedOfEpoch.remove(epoch);
        }
        return last;
    }
}
