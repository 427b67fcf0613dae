package dev.millrace.engine.operator;

import dev.millrace.engine.exchange.Waker;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * How far the event times of a source have come that is read in portions. Rows of such a source land in whatever
 * partition has a hand free, so that for a watermark it counts as one partition, which moves on only when all
 * tasks, on all workers, are through with a portion: no row is late because of another row of its portion.
 *
 * <p>Bounds: an entry for each portion that some task is through with and another is not. Thread: any; shared by
 * the tasks of one worker that read the source.
 */
public final class PortionEventTimes {
    private static final long UNDER_WAY = Long.MAX_VALUE;

    private final int partitionCount;
    private final List<? extends Waker> tasks;
    private final Listener driver;
    private final Map<Long, Portion> underWay = new HashMap<>();
    private long endedMicros = EventTimeExtractor.NO_EVENT_TIME;
    private volatile long settled;
    private volatile long reachedMicros = EventTimeExtractor.NO_EVENT_TIME;
    private volatile long lastRowNanos;

    /** Hears which portions this worker is through with, one after the other. Thread: any; does not block. */
    @FunctionalInterface
    public interface Listener {
        /**
         * @param portion counts from 1
         * @param maxMicros the greatest event time in it and those before, on this worker
         */
        void ended(long portion, long maxMicros);
    }

    private static final class Portion {
        int partitionsEnded;
        long maxMicros = EventTimeExtractor.NO_EVENT_TIME;
    }

    /**
     * @param partitionCount how many partitions of the source this worker has
     * @param tasks all of this worker that read it; woken when a portion is settled
     * @param driver hears when they are through with one
     * @param nowNanos counts as the time of the last row before there is one
     */
    public PortionEventTimes(int partitionCount, List<? extends Waker> tasks, Listener driver, long nowNanos) {
        this.partitionCount = partitionCount;
        this.tasks = List.copyOf(tasks);
        this.driver = driver;
        this.lastRowNanos = nowNanos;
    }

    /**
     * A task is through with the rows of a portion that came by one partition. The last one of this worker tells the
     * driver.
     *
     * @param portion counts from 1 in each partition
     * @param maxMicros the greatest event time in that partition so far
     */
    public void ended(long portion, long maxMicros) {
        long all = end(portion, maxMicros);
        if (all != UNDER_WAY) {
            driver.ended(portion, all);
        }
    }

    /** The greatest event time so far once all partitions are through with a portion. */
    private synchronized long end(long portion, long maxMicros) {
        Portion entry = underWay.computeIfAbsent(portion, number -> new Portion());
        entry.maxMicros = Math.max(entry.maxMicros, maxMicros);
        if (++entry.partitionsEnded < partitionCount) {
            return UNDER_WAY;
        }
        // Every partition ends its portions in order, so the last one to end this one has ended those before it.
        underWay.remove(portion);
        endedMicros = Math.max(endedMicros, entry.maxMicros);
        return endedMicros;
    }

    /** The tasks of all workers are through with a portion. As {@link dev.millrace.engine.source.PortionTarget#settled}. */
    public void settled(long portion, long micros) {
        reachedMicros = micros;
        settled = portion;
        tasks.forEach(Waker::wake);
    }

    /** How many portions all tasks, on all workers, are through with. */
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
