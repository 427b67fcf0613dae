package dev.millrace.engine.source;

import dev.millrace.engine.page.RowView;

/**
 * Takes the rows of one partition from the reader's thread to the task that owns the partition. The
 * task sees rows once they are published, so that a batch costs one hand-over.
 *
 * <p>Thread: the reader's.
 */
public interface PartitionOutput {
    /** What {@link #reserve} gives when there is no room. */
    int NO_ROOM = -1;

    /**
     * Makes room for a row and returns the offset in {@link #bytes()} at which to write it, or {@link
     * #NO_ROOM} when the page under way is full. Then publish what was appended, and ask again: still
     * no room means that the task has not taken enough yet, and that the reader is woken when it has.
     */
    int reserve(int rowSizeBytes);

    /** The array that the last {@link #reserve} made room in. */
    byte[] bytes();

    /** Appends a copy of a row; false when {@link #reserve} has no room for it. */
    default boolean append(RowView row) {
        int offset = reserve(row.sizeBytes());
        if (offset == NO_ROOM) {
            return false;
        }
        System.arraycopy(row.bytes(), row.offset(), bytes(), offset, row.sizeBytes());
        return true;
    }

    /**
     * Hands over all rows that were appended, if there are any, and says where the partition stands
     * behind them. Also how a reader says where it starts, and that it went past something that gave no
     * rows.
     *
     * @param position immutable; read later by another thread
     */
    void publish(Object position);

    /**
     * Hands over all rows that were appended of a portion; where an epoch ends is told by {@link #endEpoch}.
     * For a source that {@linkplain Source#endsEpochs ends epochs itself}.
     */
    void publish();

    /** Says that a portion has no more rows here. False when there is no room, as in {@link #reserve}. */
    boolean endPortion();

    /**
     * Says that an epoch ends here, behind the portions before it. False when there is no room, as in {@link
     * #reserve}.
     *
     * @param position immutable; read later by another thread
     */
    boolean endEpoch(long epoch, Object position);
}
