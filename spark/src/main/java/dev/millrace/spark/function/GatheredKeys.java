package dev.millrace.spark.function;

import dev.millrace.engine.page.RowView;
import java.util.Arrays;

/**
 * Keys whose time has come, in the order in which they are to be called for. They are copied, for calls
 * change the state that they were found in.
 *
 * <p>Thread: the owning task. Bounds: {@link #LIMIT} keys, at which who fills this stops.
 */
final class GatheredKeys {
    /** Few enough to be called in one go, and many enough to make up for a stop of the walk over due entries. */
    static final int LIMIT = 1024;

    private final int[] keyGroups = new int[LIMIT];
    private final long[] times = new long[LIMIT];
    private final int[] offsets = new int[LIMIT + 1];
    private final RowView key = new RowView();
    private byte[] bytes = new byte[256];
    private int count;
    private int taken;

    void add(int keyGroup, RowView newKey, long time) {
        if (taken == count) {
            count = 0;
            taken = 0;
        }
        int offset = offsets[count];
        int end = offset + newKey.sizeBytes();
        if (end > bytes.length) {
            bytes = Arrays.copyOf(bytes, Math.max(end, bytes.length * 2));
        }
        System.arraycopy(newKey.bytes(), newKey.offset(), bytes, offset, newKey.sizeBytes());
        keyGroups[count] = keyGroup;
        times[count] = time;
        offsets[++count] = end;
    }

    boolean hasNext() {
        return taken < count;
    }

    /** Goes to the next key. */
    void next() {
        taken++;
    }

    int keyGroup() {
        return keyGroups[taken - 1];
    }

    RowView key() {
        int offset = offsets[taken - 1];
        return key.pointTo(bytes, offset, offsets[taken] - offset);
    }

    /** The time that came with the key. */
    long time() {
        return times[taken - 1];
    }
}
