package dev.millrace.engine.state;

import static dev.millrace.engine.state.KeyBytes.INT;

import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.engine.page.RowView;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The objects of a table whose values are not bytes. An entry's value then says where its object is
 * and when to ask for its size again: often while it is young, ever more rarely as it grows, so that
 * the size is known to about a quarter and costs little.
 *
 * <p>Layout of the value:
 * <pre>
 *   0       4               8                 12                  16
 *   +-------+---------------+-----------------+-------------------+
 *   | index | size in units | changes to next | changes between   |
 *   |       | of 16 bytes   | size check      | size checks       |
 *   +-------+---------------+-----------------+-------------------+
 * </pre>
 *
 * <p>Thread: the owning task.
 */
final class HotObjects {
    static final int VALUE_BYTES = 16;

    private static final int REFERENCE_BYTES = 8;
    private static final int SIZE_UNIT_SHIFT = 4;
    private static final int MAX_CHANGES_BETWEEN_CHECKS = 1024;
    private static final int FIRST_CAPACITY = 4;
    private static final @Nullable Object[] NO_OBJECTS = new Object[0];

    private final StateLedger ledger;
    private final ObjectValues values;
    private @Nullable Object[] objects = NO_OBJECTS;
    private int endIndex;

    HotObjects(StateLedger ledger, ObjectValues values) {
        this.ledger = ledger;
        this.values = values;
    }

    /** Keeps an object and writes the entry's value. Errors: STATE_MEMORY; then nothing was kept. */
    void place(byte[] bytes, int valueOffset, Object object) {
        long objectSizeBytes = values.estimatedBytes(object);
        if (endIndex == objects.length) {
            int capacity = Math.max(FIRST_CAPACITY, objects.length * 2);
            ledger.take((long) (capacity - objects.length) * REFERENCE_BYTES);
            objects = Arrays.copyOf(objects, capacity);
        }
        long units = sizeUnits(objectSizeBytes);
        ledger.take(units << SIZE_UNIT_SHIFT);
        objects[endIndex] = object;
        INT.set(bytes, valueOffset, endIndex++);
        INT.set(bytes, valueOffset + 4, (int) units);
        INT.set(bytes, valueOffset + 8, 1);
        INT.set(bytes, valueOffset + 12, 1);
    }

    Object object(byte[] bytes, int valueOffset) {
        Object object = objects[(int) INT.get(bytes, valueOffset)];
        if (object == null) {
            throw new MillraceException(
                    ErrorCode.INVARIANT, "Cannot find a hot object: its entry was removed. Report this as a bug.");
        }
        return object;
    }

    /** The object's bytes, valid until the next call. */
    RowView serialize(byte[] bytes, int valueOffset) {
        return values.serialize(object(bytes, valueOffset));
    }

    Object deserialize(RowView bytes) {
        return values.deserialize(bytes);
    }

    /** Counts a change, and now and then asks for the size. Errors: STATE_MEMORY when it outgrew the budget. */
    void changed(byte[] bytes, int valueOffset) {
        if (isSizeCheckDue(bytes, valueOffset)) {
            resized(bytes, valueOffset, values.estimatedBytes(object(bytes, valueOffset)));
        }
    }

    /** Counts a change; true when the object's size is to be asked for. */
    private boolean isSizeCheckDue(byte[] bytes, int valueOffset) {
        int left = (int) INT.get(bytes, valueOffset + 8) - 1;
        if (left > 0) {
            INT.set(bytes, valueOffset + 8, left);
            return false;
        }
        int interval = (int) INT.get(bytes, valueOffset + 12);
        int nextInterval = Math.min(MAX_CHANGES_BETWEEN_CHECKS, interval + interval / 4 + (interval < 4 ? 1 : 0));
        INT.set(bytes, valueOffset + 8, nextInterval);
        INT.set(bytes, valueOffset + 12, nextInterval);
        return true;
    }

    private void resized(byte[] bytes, int valueOffset, long objectSizeBytes) {
        long units = sizeUnits(objectSizeBytes);
        long grownUnits = units - (int) INT.get(bytes, valueOffset + 4);
        if (grownUnits > 0) {
            ledger.take(grownUnits << SIZE_UNIT_SHIFT);
        } else {
            ledger.giveBack(-grownUnits << SIZE_UNIT_SHIFT);
        }
        INT.set(bytes, valueOffset + 4, (int) units);
    }

    void remove(byte[] bytes, int valueOffset) {
        objects[(int) INT.get(bytes, valueOffset)] = null;
        ledger.giveBack((long) (int) INT.get(bytes, valueOffset + 4) << SIZE_UNIT_SHIFT);
    }

    /** Begins to close the gaps that removals left; {@link #renumber} each entry that is left then. */
    @Nullable
    Object[] startRenumbering(int liveCount) {
        @Nullable Object[] before = objects;
        ledger.giveBack((long) before.length * REFERENCE_BYTES);
        int capacity = liveCount == 0 ? 0 : Math.max(FIRST_CAPACITY, liveCount);
        ledger.take((long) capacity * REFERENCE_BYTES);
        objects = new Object[capacity];
        endIndex = 0;
        return before;
    }

    void renumber(@Nullable Object[] before, byte[] bytes, int valueOffset) {
        objects[endIndex] = before[(int) INT.get(bytes, valueOffset)];
        INT.set(bytes, valueOffset, endIndex++);
    }

    private static long sizeUnits(long sizeBytes) {
        return Math.min(Integer.MAX_VALUE, Math.max(0, (sizeBytes + (1 << SIZE_UNIT_SHIFT) - 1) >> SIZE_UNIT_SHIFT));
    }
}
