package dev.millrace.engine.metrics;

import java.util.List;
import java.util.concurrent.ConcurrentSkipListMap;

/**
 * What a task that finds a watermark knows: how far each input partition has come, and the event times of the rows
 * of each epoch.
 *
 * <p>Thread: written by the owning task, {@link #eventTimes} and {@link #partitions} any. Bounds: the epochs that
 * nobody asked for are forgotten but for the last {@link #EPOCHS}.
 */
public final class WatermarkMetrics {
    private static final int EPOCHS = 16;

    /**
     * One input partition.
     *
     * @param maxEventTimeMicros the greatest event time that came, or {@link Long#MIN_VALUE}
     * @param isIdle whether it is left out, because no row came for a time
     */
    public record Partition(long maxEventTimeMicros, boolean isIdle) {}

    private final ConcurrentSkipListMap<Long, EventTimes> ended = new ConcurrentSkipListMap<>();
    private volatile List<Partition> partitions = List.of();
    private volatile EventTimes underWay = EventTimes.NONE;

    public void partitions(List<Partition> now) {
        partitions = List.copyOf(now);
    }

    /** The rows of the epoch under way so far. */
    public void underWay(EventTimes times) {
        underWay = times;
    }

    /** An epoch's barrier came behind the rows of these event times; the next epoch begins. */
    public void ended(long epoch, EventTimes times) {
        underWay = EventTimes.NONE;
        ended.put(epoch, times);
        if (ended.size() > EPOCHS) {
            ended.pollFirstEntry();
        }
    }

    /** In the order of the task's input partitions. */
    public List<Partition> partitions() {
        return partitions;
    }

    /** Of the rows of one epoch; so far, when it has not ended. */
    public EventTimes eventTimes(long epoch) {
        EventTimes times = ended.get(epoch);
        return times != null ? times : underWay;
    }
}
