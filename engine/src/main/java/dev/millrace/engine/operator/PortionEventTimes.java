package dev.millrace.engine.operator;

import dev.millrace.engine.exchange.Waker;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * How far the event times of a source have come that is read in portions. Rows of such a source land in whatever
 * partition has a hand free, so that for a watermark it counts as one partition, which moves on only when all
 * tasks are through with a portion: no row is late because of another row of its portion.
 *
 * <p>Bounds: an entry for each portion that some task is through with and another is not. Thread: any; shared by
 * the tasks that read the source.
 */
public final class PortionEventTimes {
    private final int partitionCount;
    private final List<? extends Waker> tasks;
    private final Map<Long, Portion> unsettled = new HashMap<>();
    private volatile long settled;
    private volatile long reachedMicros = EventTimeExtractor.NO_EVENT_TIME;
    private volatile long lastRowNanos;

    private static final class Portion {
        int partitionsEnded;
        long maxMicros = EventTimeExtractor.NO_EVENT_TIME;
    }

    /**
     * @param partitionCount how many partitions the source has
     * @param tasks all that read it; woken when a portion is settled
     * @param nowNanos counts as the time of the last row before there is one
     */
    public PortionEventTimes(int partitionCount, List<? extends Waker> tasks, long nowNanos) {
        this.partitionCount = partitionCount;
        this.tasks = List.copyOf(tasks);
        this.lastRowNanos = nowNanos;
    }

    /**
     * A task is through with the rows of a portion that came by one partition.
     *
     * @param portion counts from 1 in each partition
     * @param maxMicros the greatest event time in that partition so far
     */
    public void ended(long portion, long maxMicros) {
        if (settle(portion, maxMicros)) {
            tasks.forEach(Waker::wake);
        }
    }

    private synchronized boolean settle(long portion, long maxMicros) {
        Portion entry = unsettled.computeIfAbsent(portion, number -> new Portion());
        entry.maxMicros = Math.max(entry.maxMicros, maxMicros);
        if (++entry.partitionsEnded < partitionCount) {
            return false;
        }
        // Every partition ends its portions in order, so the last one to end this one has ended those before it.
        unsettled.remove(portion);
        reachedMicros = Math.max(reachedMicros, entry.maxMicros);
        settled = portion;
        return true;
    }

    /** How many portions all tasks are through with. */
    public long settled() {
        return settled;
    }

    /** The greatest event time in the settled portions. */
    long reachedMicros() {
        return reachedMicros;
    }

    void rowsCame(long nowNanos) {
        lastRowNanos = nowNanos;
    }

    long lastRowNanos() {
        return lastRowNanos;
    }
}
