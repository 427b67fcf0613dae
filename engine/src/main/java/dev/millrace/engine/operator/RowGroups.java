package dev.millrace.engine.operator;

import dev.millrace.engine.page.Page;
import dev.millrace.engine.page.RowCursor;
import dev.millrace.engine.page.RowView;
import dev.millrace.engine.page.Side;
import dev.millrace.engine.state.KeyBytes;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The rows that a cursor walks, grouped by their keys: groups in the order of their first rows, and
 * rows of a group in the order in which they came. At a trickle that is one group of one row.
 *
 * <p>Thread: the owning task. Lifetime: of the page that the rows lie in. Bounds: the rows of a page.
 */
final class RowGroups implements GroupRows {
    private static final int NONE = -1;
    private static final int OWNER_OF_NO_KEY_GROUP = 0;
    private static final int MAX_KEPT_ROWS = 4096;

    private final RowView row = new RowView();
    private final RowView key = new RowView();
    private byte[] rowBytes = new byte[0];

    private int[] rowOffsets = new int[16];
    private int[] rowSizes = new int[16];
    /** For each row, the next one of its group. */
    private int[] nextRows = new int[16];

    private int rowCount;

    private int[] firstRows = new int[16];
    private int[] lastRows = new int[16];
    private int[] hashes = new int[16];
    private int[] keyGroups = new int[16];
    private int[] keyOffsets = new int[17];
    private byte[] keyBytes = new byte[256];
    private int groupCount;

    /** Groups by the hash of their keys, one more than their number; 0 is free. */
    private int[] slots = new int[32];

    private int group;
    private int nextRow = NONE;

    /** Copies of the rows that were gathered, or null where the rows stay in their page. */
    private final @Nullable HeldRows held;

    /** @param held keeps the rows of an epoch; null where there is one page of them at a time */
    RowGroups(@Nullable HeldRows held) {
        this.held = held;
    }

    /** Takes all rows of the cursor in place of those before, and returns how many were late and left out. */
    int fill(RowCursor rows, GroupFunction function, long watermarkMicros, LateRows lateRows) {
        clear();
        return gather(rows, function, watermarkMicros, lateRows);
    }

    /** Takes all rows of the cursor beside those before, and returns how many were late and left out. */
    int gather(RowCursor rows, GroupFunction function, long watermarkMicros, LateRows lateRows) {
        int lateCount = 0;
        for (; rows.hasRow(); rows.advance()) {
            rows.row(row);
            if (function.isLate(row, watermarkMicros)) {
                lateCount++;
                lateRows.add(Side.LEFT, row, function.eventTimeMicros(row), watermarkMicros);
                continue;
            }
            rowBytes = row.bytes();
            int offset = row.offset();
            int sizeBytes = row.sizeBytes();
            if (held != null) {
                int unused = held.add(row, rows.keyGroup());
            }
            add(offset, sizeBytes, groupOf(rows.keyGroup(), function.key(row)));
        }
        group = 0;
        return lateCount;
    }

    void clear() {
        if (held != null) {
            held.clear();
        }
        group = 0;
        if (rowOffsets.length > MAX_KEPT_ROWS) {
            rowOffsets = new int[16];
            rowSizes = new int[16];
            nextRows = new int[16];
            firstRows = new int[16];
            lastRows = new int[16];
            hashes = new int[16];
            keyGroups = new int[16];
            keyOffsets = new int[17];
            slots = new int[32];
        } else if (groupCount > 0) {
            Arrays.fill(slots, 0);
        }
        if (keyBytes.length > Page.CAPACITY_BYTES) {
            keyBytes = new byte[256];
        }
        rowCount = 0;
        groupCount = 0;
        nextRow = NONE;
    }

    private void add(int offset, int sizeBytes, int of) {
        if (rowCount == rowOffsets.length) {
            rowOffsets = Arrays.copyOf(rowOffsets, rowCount * 2);
            rowSizes = Arrays.copyOf(rowSizes, rowCount * 2);
            nextRows = Arrays.copyOf(nextRows, rowCount * 2);
        }
        rowOffsets[rowCount] = offset;
        rowSizes[rowCount] = sizeBytes;
        nextRows[rowCount] = NONE;
        if (firstRows[of] == NONE) {
            firstRows[of] = rowCount;
        } else {
            nextRows[lastRows[of]] = rowCount;
        }
        lastRows[of] = rowCount++;
    }

    private int groupOf(int keyGroup, RowView rowKey) {
        int hash = KeyBytes.hash(rowKey.bytes(), rowKey.offset(), rowKey.sizeBytes());
        int mask = slots.length - 1;
        int at = hash & mask;
        while (slots[at] != 0) {
            int found = slots[at] - 1;
            if (hashes[found] == hash && hasKey(found, rowKey)) {
                return found;
            }
            at = (at + 1) & mask;
        }
        int added = addGroup(hash, keyGroup == Page.NO_KEY_GROUP ? OWNER_OF_NO_KEY_GROUP : keyGroup, rowKey);
        if (groupCount * 2 > slots.length) {
            index(slots.length * 2);
        } else {
            slots[at] = added + 1;
        }
        return added;
    }

    private boolean hasKey(int of, RowView rowKey) {
        int offset = keyOffsets[of];
        return keyOffsets[of + 1] - offset == rowKey.sizeBytes()
                && Arrays.equals(
                        keyBytes,
                        offset,
                        keyOffsets[of + 1],
                        rowKey.bytes(),
                        rowKey.offset(),
                        rowKey.offset() + rowKey.sizeBytes());
    }

    private int addGroup(int hash, int keyGroup, RowView rowKey) {
        if (groupCount == firstRows.length) {
            int capacity = groupCount * 2;
            firstRows = Arrays.copyOf(firstRows, capacity);
            lastRows = Arrays.copyOf(lastRows, capacity);
            hashes = Arrays.copyOf(hashes, capacity);
            keyGroups = Arrays.copyOf(keyGroups, capacity);
            keyOffsets = Arrays.copyOf(keyOffsets, capacity + 1);
        }
        int offset = keyOffsets[groupCount];
        int end = offset + rowKey.sizeBytes();
        if (end > keyBytes.length) {
            keyBytes = Arrays.copyOf(keyBytes, Math.max(end, keyBytes.length * 2));
        }
        System.arraycopy(rowKey.bytes(), rowKey.offset(), keyBytes, offset, rowKey.sizeBytes());
        keyOffsets[groupCount + 1] = end;
        hashes[groupCount] = hash;
        keyGroups[groupCount] = keyGroup;
        firstRows[groupCount] = NONE;
        return groupCount++;
    }

    private void index(int size) {
        slots = new int[size];
        for (int i = 0; i < groupCount; i++) {
            int at = hashes[i] & (size - 1);
            while (slots[at] != 0) {
                at = (at + 1) & (size - 1);
            }
            slots[at] = i + 1;
        }
    }

    /** Whether there is a group that {@link #nextGroup} has not gone to. */
    boolean hasGroup() {
        return group < groupCount;
    }

    /** Goes to the next group, whose rows this then gives. */
    void nextGroup() {
        nextRow = firstRows[group++];
    }

    /** The key of the group gone to. */
    RowView key() {
        int offset = keyOffsets[group - 1];
        return key.pointTo(keyBytes, offset, keyOffsets[group] - offset);
    }

    int keyGroup() {
        return keyGroups[group - 1];
    }

    @Override
    public boolean hasNext() {
        return nextRow != NONE;
    }

    @Override
    public RowView next() {
        if (nextRow == NONE) {
            throw new java.util.NoSuchElementException("no row of the key is left");
        }
        if (held == null) {
            row.pointTo(rowBytes, rowOffsets[nextRow], rowSizes[nextRow]);
        } else {
            held.row(nextRow, row);
        }
        nextRow = nextRows[nextRow];
        return row;
    }
}
