package dev.millrace.engine.operator;

import dev.millrace.engine.page.Page;
import dev.millrace.engine.page.RowCursor;
import dev.millrace.engine.page.RowView;
import dev.millrace.engine.page.Side;
import dev.millrace.engine.state.KeyBytes;
import dev.millrace.engine.state.KeyedState;
import dev.millrace.engine.state.KeyedTable;
import java.util.Arrays;

/**
 * A few rows that were taken from a cursor together, with their keys. Where the state is larger than
 * the processor's caches, the entries of all of them are looked at once before they are used one after
 * another: these looks do not depend on each other, so the waits for memory overlap.
 * KeyedStateBenchmark asked for it, with 1,000,000 keys.
 *
 * <p>Thread: the owning task. Lifetime: of the page that the rows lie in. Bounds: {@link #MAX_ROWS}
 * rows.
 */
final class KeyedRowBatch {
    static final int MAX_ROWS = 32;

    /** State of this size hardly stays in a core's own cache. */
    private static final long CACHED_STATE_BYTES = 1024 * 1024;

    private static final int OWNER_OF_NO_KEY_GROUP = 0;
    private static final int USUAL_KEY_BYTES = 16;
    private static final int MAX_KEPT_BYTES = 64 * 1024;

    private final int[] rowOffsets = new int[MAX_ROWS];
    private final int[] rowSizes = new int[MAX_ROWS];
    private final int[] keyOffsets = new int[MAX_ROWS + 1];
    private final int[] keyGroups = new int[MAX_ROWS];
    private final int[] hashes = new int[MAX_ROWS];
    private final long[] expiries = new long[MAX_ROWS];
    private final RowView row = new RowView();
    private final RowView key = new RowView();
    private byte[] rowBytes = new byte[0];
    private byte[] keyBytes = new byte[MAX_ROWS * USUAL_KEY_BYTES];
    private int count;
    private int position;

    /** Written only, so that the looks are not optimised away. */
    @SuppressWarnings("UnusedVariable")
    private long touched;

    /** Takes the cursor's next rows but the late ones, and returns how many those were. */
    int fill(RowCursor rows, Aggregate aggregate, long watermarkMicros, LateRows lateRows) {
        if (keyBytes.length > MAX_KEPT_BYTES) {
            keyBytes = new byte[MAX_ROWS * USUAL_KEY_BYTES];
        }
        int lateCount = 0;
        int filled = 0;
        while (filled < MAX_ROWS && rows.hasRow()) {
            rows.row(row);
            RowView rowKey = aggregate.key(row);
            long expiryMicros = aggregate.expiryMicros(rowKey);
            if (expiryMicros <= watermarkMicros && expiryMicros != Long.MAX_VALUE) {
                lateCount++;
                lateRows.add(Side.LEFT, row, expiryMicros, watermarkMicros);
            } else {
                rowBytes = row.bytes();
                rowOffsets[filled] = row.offset();
                rowSizes[filled] = row.sizeBytes();
                keyGroups[filled] = rows.keyGroup();
                expiries[filled] = expiryMicros;
                hashes[filled] = KeyBytes.hash(rowKey.bytes(), rowKey.offset(), rowKey.sizeBytes());
                addKey(filled++, rowKey);
            }
            rows.advance();
        }
        count = filled;
        position = 0;
        return lateCount;
    }

    private void addKey(int index, RowView rowKey) {
        int offset = keyOffsets[index];
        int sizeBytes = rowKey.sizeBytes();
        int end = offset + sizeBytes;
        if (end > keyBytes.length) {
            keyBytes = Arrays.copyOf(keyBytes, Math.max(end, keyBytes.length * 2));
        }
        System.arraycopy(rowKey.bytes(), rowKey.offset(), keyBytes, offset, sizeBytes);
        keyOffsets[index + 1] = end;
    }

    /** Looks at the entries of all rows, where that pays. */
    void touchEntries(KeyedState<KeyedTable> state) {
        if (count > 1 && state.sizeBytes() > CACHED_STATE_BYTES) {
            for (int i = 0; i < count; i++) {
                touched += state.table(keyGroup(i)).touch(hashes[i]);
            }
        }
    }

    boolean hasRow() {
        return position < count;
    }

    /** The current row. */
    RowView row() {
        return row.pointTo(rowBytes, rowOffsets[position], rowSizes[position]);
    }

    /** The current row's key. */
    RowView key() {
        int offset = keyOffsets[position];
        return key.pointTo(keyBytes, offset, keyOffsets[position + 1] - offset);
    }

    int keyGroup() {
        return keyGroup(position);
    }

    private int keyGroup(int index) {
        return keyGroups[index] == Page.NO_KEY_GROUP ? OWNER_OF_NO_KEY_GROUP : keyGroups[index];
    }

    int hash() {
        return hashes[position];
    }

    long expiryMicros() {
        return expiries[position];
    }

    void advance() {
        position++;
    }
}
