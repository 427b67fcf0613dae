package dev.millrace.engine.operator;

import dev.millrace.engine.page.RowView;
import dev.millrace.engine.state.MemoryBudget;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Copies of rows, kept in their order until a bounded epoch ends.
 *
 * <p>Thread: the owning task. Bounds: the memory budget, which counts them as state. Errors: STATE_MEMORY;
 * then all is as before.
 */
final class HeldRows {
    private static final int BLOCK_BYTES = 256 * 1024;

    /** What a row takes in the arrays here, and of who groups the rows. */
    private static final int ROW_OVERHEAD_BYTES = 32;

    private final MemoryBudget budget;
    private final List<byte[]> blocks = new ArrayList<>();
    private byte[] block = new byte[0];
    private int usedBytes;
    private int[] blockIndexes = new int[16];
    private int[] offsets = new int[16];
    private int[] sizes = new int[16];
    private int[] keyGroups = new int[16];
    private int count;
    private long reservedBytes;

    HeldRows(MemoryBudget budget) {
        this.budget = budget;
    }

    /** Copies a row, and gives its number. */
    int add(RowView row, int keyGroup) {
        int sizeBytes = row.sizeBytes();
        reserve(ROW_OVERHEAD_BYTES);
        if (block.length - usedBytes < sizeBytes) {
            int capacity = Math.max(BLOCK_BYTES, sizeBytes);
            reserve(capacity);
            block = new byte[capacity];
            usedBytes = 0;
            blocks.add(block);
        }
        if (count == offsets.length) {
            blockIndexes = Arrays.copyOf(blockIndexes, count * 2);
            offsets = Arrays.copyOf(offsets, count * 2);
            sizes = Arrays.copyOf(sizes, count * 2);
            keyGroups = Arrays.copyOf(keyGroups, count * 2);
        }
        System.arraycopy(row.bytes(), row.offset(), block, usedBytes, sizeBytes);
        blockIndexes[count] = blocks.size() - 1;
        offsets[count] = usedBytes;
        sizes[count] = sizeBytes;
        keyGroups[count] = keyGroup;
        usedBytes += sizeBytes;
        return count++;
    }

    private void reserve(long sizeBytes) {
        budget.reserve(sizeBytes);
        reservedBytes += sizeBytes;
    }

    int count() {
        return count;
    }

    RowView row(int index, RowView view) {
        return view.pointTo(blocks.get(blockIndexes[index]), offsets[index], sizes[index]);
    }

    int keyGroup(int index) {
        return keyGroups[index];
    }

    /** Forgets all rows and gives back what they took. */
    void clear() {
        if (count == 0) {
            return;
        }
        budget.release(reservedBytes);
        reservedBytes = 0;
        blocks.clear();
        block = new byte[0];
        usedBytes = 0;
        blockIndexes = new int[16];
        offsets = new int[16];
        sizes = new int[16];
        keyGroups = new int[16];
        count = 0;
    }
}
