package dev.millrace.engine.metrics;

import org.jspecify.annotations.Nullable;

/**
 * Counters of one operator in one task.
 *
 * <p>Thread: written by the owning task, read by any.
 */
public final class OperatorMetrics {
    private volatile StateSize state = StateSize.NONE;
    private volatile long rowsUpdated;
    private volatile long rowsDroppedByWatermark;
    private volatile long rowsRemoved;
    private volatile long rowsDroppedAsDuplicates;

    private volatile @Nullable WatermarkMetrics watermark;

    /** The operator finds a watermark, and counts here what it knows of it. */
    public void watermark(WatermarkMetrics found) {
        watermark = found;
    }

    /** Null for an operator that finds no watermark. */
    public @Nullable WatermarkMetrics watermark() {
        return watermark;
    }

    /** Publishes the size of the operator's keyed state. */
    public void state(StateSize size) {
        state = size;
    }

    public void addRowsUpdated(long count) {
        rowsUpdated = rowsUpdated + count;
    }

    public void addRowsDroppedByWatermark(long count) {
        rowsDroppedByWatermark = rowsDroppedByWatermark + count;
    }

    public void addRowsRemoved(long count) {
        rowsRemoved = rowsRemoved + count;
    }

    public void addRowsDroppedAsDuplicates(long count) {
        rowsDroppedAsDuplicates = rowsDroppedAsDuplicates + count;
    }

    /** The size of the operator's keyed state. */
    public StateSize state() {
        return state;
    }

    public long rowsUpdated() {
        return rowsUpdated;
    }

    public long rowsDroppedByWatermark() {
        return rowsDroppedByWatermark;
    }

    public long rowsRemoved() {
        return rowsRemoved;
    }

    public long rowsDroppedAsDuplicates() {
        return rowsDroppedAsDuplicates;
    }
}
