package dev.millrace.engine.task;

import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.engine.exchange.Channel;
import dev.millrace.engine.page.Page;
import dev.millrace.engine.page.Side;
import dev.millrace.engine.stream.Item;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Merges a task's input channels into one order of rows, watermarks and barriers. A channel that gave
 * its barrier is held back until all have given theirs (aligned); the watermark is {@link
 * MergedWatermark}'s, and the one that barriers of a bounded epoch carry the least of theirs. So the two
 * sides of a join have one watermark, as in Spark, where a query has one.
 *
 * <p>Thread: the owning task.
 */
public final class Inbox {
    private static final int NONE = -1;

    private final Channel[] channels;
    private final int leftCount;
    private final boolean[] atBarrier;
    private final ChannelPartitions partitions;
    private final MergedWatermark watermark;
    private int atBarrierCount;
    private long barrierEpoch;
    private long barrierWatermark = Item.Barrier.NO_WATERMARK;
    private int turn;
    private int rowsFrom = NONE;
    private Side side = Side.LEFT;

    /** @param watermark the merged watermark of these channels, at its start */
    public Inbox(List<Channel> inputs, MergedWatermark watermark) {
        this(inputs, inputs.size(), ChannelPartitions.one(inputs.size()), watermark);
    }

    /** @param leftCount how many of the channels are of the left input; those of the right one are behind them */
    public Inbox(List<Channel> inputs, int leftCount, ChannelPartitions partitions, MergedWatermark watermark) {
        channels = inputs.toArray(new Channel[0]);
        this.leftCount = leftCount;
        this.partitions = partitions;
        atBarrier = new boolean[channels.length];
        this.watermark = watermark;
    }

    /**
     * The next item in the merged order, or null when there is none for now. The page of rows must be
     * given back by {@link #recycle} before the next call.
     */
    @Nullable
    Item poll() {
        Item pending = watermark.pending();
        if (pending != null) {
            return pending;
        }
        for (int tried = 0; tried < channels.length; ) {
            int index = turn;
            Item item = atBarrier[index] ? null : channels[index].poll();
            turn = index + 1 == channels.length ? 0 : index + 1;
            if (item == null) {
                tried++;
                continue;
            }
            tried = 0;
            Item merged = merge(index, item);
            if (merged != null) {
                return merged;
            }
        }
        return null;
    }

    private @Nullable Item merge(int index, Item item) {
        if (item instanceof Item.Rows) {
            watermark.rows(index);
            rowsFrom = index;
            side = index < leftCount ? Side.LEFT : Side.RIGHT;
            return item;
        }
        if (item instanceof Item.Watermark mark) {
            return watermark.watermark(index, mark.micros());
        }
        if (item instanceof Item.Idle) {
            return watermark.idle(index);
        }
        return align(index, (Item.Barrier) item);
    }

    private @Nullable Item align(int index, Item.Barrier barrier) {
        if (atBarrierCount > 0 && barrier.epoch() != barrierEpoch) {
            throw new MillraceException(
                    ErrorCode.INVARIANT,
                    "Cannot align barriers: channel=%d gave epoch=%d, others epoch=%d. Please report this."
                            .formatted(index, barrier.epoch(), barrierEpoch));
        }
        barrierEpoch = barrier.epoch();
        barrierWatermark = leastWatermark(barrierWatermark, barrier.watermarkMicros());
        atBarrier[index] = true;
        if (++atBarrierCount < channels.length) {
            return null;
        }
        java.util.Arrays.fill(atBarrier, false);
        atBarrierCount = 0;
        Item.Barrier merged = new Item.Barrier(barrierEpoch, barrierWatermark);
        barrierWatermark = Item.Barrier.NO_WATERMARK;
        return merged;
    }

    private static long leastWatermark(long one, long other) {
        if (one == Item.Barrier.NO_WATERMARK) {
            return other;
        }
        return other == Item.Barrier.NO_WATERMARK ? one : Math.min(one, other);
    }

    /** Gives the page of the last rows back to their producer. */
    void recycle(Page page) {
        if (rowsFrom != NONE) {
            channels[rowsFrom].recycle(page);
            rowsFrom = NONE;
        }
    }

    /** Which of the task's input partitions the rows are of that {@link #poll} gave last. */
    int inputPartition(Page rows) {
        return partitions.firstOfChannel()[rowsFrom] + rows.inputPartition();
    }

    List<String> inputPartitionNames() {
        return partitions.names();
    }

    /** The input that the last rows came by. */
    Side side() {
        return side;
    }

    /** Whether {@link #poll} might find something. */
    boolean hasItems() {
        for (int i = 0; i < channels.length; i++) {
            if (!atBarrier[i] && !channels[i].isEmpty()) {
                return true;
            }
        }
        return false;
    }

    long watermark() {
        return watermark.micros();
    }
}
