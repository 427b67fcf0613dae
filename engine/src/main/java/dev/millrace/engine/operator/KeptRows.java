package dev.millrace.engine.operator;

import dev.millrace.engine.metrics.StateSize;
import dev.millrace.engine.page.RowView;
import dev.millrace.engine.page.Side;
import dev.millrace.engine.snapshot.FrozenState;
import dev.millrace.engine.snapshot.OperatorId;
import dev.millrace.engine.snapshot.Section;
import dev.millrace.engine.state.GroupedTable;
import dev.millrace.engine.state.KeyedState;

/**
 * The rows of one side of a join that wait for a match: by key, in the order in which they came.
 *
 * <p>Layout of a value: the row; where rows are told apart by whether they had a match, one byte more.
 *
 * <p>Thread: the owning task.
 */
final class KeptRows implements AutoCloseable {
    /** What is removed or given in one step: about a millisecond of work. */
    private static final int REMOVED_PER_STEP = 10_000;

    private static final byte MATCHED = 1;

    private final Side side;
    private final int flagBytes;
    private final KeyedState<GroupedTable> state;
    private final RowView value = new RowView();
    private byte[] valueBytes = new byte[0];

    /** @param tellsMatched whether rows are told apart by whether they had a match */
    KeptRows(Side side, boolean tellsMatched, OperatorContext context) {
        this.side = side;
        this.flagBytes = tellsMatched ? 1 : 0;
        this.state = KeyedState.ofLists(context.keyGroupCount(), context.stateBudget());
    }

    /** The first row of a key, or {@link GroupedTable#NONE}. */
    int first(int keyGroup, int hash, RowView key) {
        GroupedTable table = state.existingTable(keyGroup);
        return table == null ? GroupedTable.NONE : table.first(hash, key);
    }

    /** The row behind another of the same key, or {@link GroupedTable#NONE}. */
    int next(int keyGroup, int entry) {
        return state.table(keyGroup).next(entry);
    }

    /** Points {@code view} at a row. */
    RowView row(int keyGroup, int entry, RowView view) {
        return row(state.table(keyGroup), entry, view);
    }

    private RowView row(GroupedTable table, int entry, RowView view) {
        table.value(entry, view);
        return view.pointTo(view.bytes(), view.offset(), view.sizeBytes() - flagBytes);
    }

    /** Errors: STATE_MEMORY; then all is as before. */
    void add(int keyGroup, int hash, RowView key, RowView row, boolean matched, long expiryMicros) {
        state.table(keyGroup).append(hash, key, flagBytes == 0 ? row : flagged(row, matched), expiryMicros);
    }

    private RowView flagged(RowView row, boolean matched) {
        int sizeBytes = row.sizeBytes();
        if (valueBytes.length < sizeBytes + 1) {
            valueBytes = new byte[Math.max(sizeBytes + 1, 2 * valueBytes.length)];
        }
        System.arraycopy(row.bytes(), row.offset(), valueBytes, 0, sizeBytes);
        valueBytes[sizeBytes] = matched ? MATCHED : 0;
        return value.pointTo(valueBytes, 0, sizeBytes + 1);
    }

    /** Notes that a row had a match, where that makes a difference. */
    void markMatched(int keyGroup, int entry) {
        if (flagBytes > 0 && !isMatched(state.table(keyGroup), entry)) {
            GroupedTable table = state.table(keyGroup);
            byte[] bytes = table.bytesToChange(entry);
            bytes[flagOffset(table, entry)] = MATCHED;
        }
    }

    private static boolean isMatched(GroupedTable table, int entry) {
        return table.bytes(entry)[flagOffset(table, entry)] == MATCHED;
    }

    private static int flagOffset(GroupedTable table, int entry) {
        return table.valueOffset(entry) + table.valueSizeBytes(entry) - 1;
    }

    void remove(int keyGroup, int entry) {
        state.table(keyGroup).remove(entry);
    }

    /** Gives back what removed rows take, and makes room. No entry may be held. */
    void reclaim() {
        state.reclaim();
    }

    /** Makes room at once where memory comes to its end. No entry may be held. */
    void relieve() {
        if (state.isMemoryAlmostUsed()) {
            state.reclaim();
        }
    }

    /** A time before which no row is removed. */
    long earliestExpiryMicros() {
        return state.earliestExpiryMicros();
    }

    /** Takes a row that had no match and is about to be removed; false when it cannot now. */
    @FunctionalInterface
    interface Unmatched {
        boolean give(RowView row);
    }

    /**
     * Removes the rows whose time has come. False when there is more to do, or a row could not be given:
     * call again, with the same watermark.
     */
    boolean removeExpired(long watermarkMicros, Unmatched unmatched) {
        if (flagBytes == 0) {
            return state.removeExpired(watermarkMicros, REMOVED_PER_STEP);
        }
        return state.expire(
                watermarkMicros,
                REMOVED_PER_STEP,
                (keyGroup, table, entry) -> isMatched(table, entry) || unmatched.give(row(table, entry, value)));
    }

    FrozenState freeze(OperatorId id) {
        return state.freeze(id, side.ordinal());
    }

    void restore(Section section) throws Exception {
        state.restore(section);
    }

    long rowCount() {
        return state.rowCount();
    }

    StateSize size() {
        return state.size();
    }

    @Override
    public void close() {
        state.close();
    }
}
