package dev.millrace.engine.operator;

import dev.millrace.engine.page.RowView;
import dev.millrace.engine.state.KeyBytes;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * A few keys and their buffers, in the order in which they were added, emptied as a whole. An entry is known
 * by where its record starts.
 *
 * <p>Layout of a record, which starts at a multiple of 8:
 * <pre>
 *   0         4      8                  8 + keySize (padded to 8)
 *   +---------+------+-----------------+--------+
 *   | keySize | hash | key bytes       | buffer |
 *   +---------+------+-----------------+--------+
 * </pre>
 * A slot of the index holds the hash in its upper half and the record's start plus one in its lower, 0 is free.
 *
 * <p>Thread: the owning task. Bounds: {@link #FULL_ENTRIES} entries and {@link #FULL_BYTES} of records, and the one
 * that goes beyond.
 */
final class PartialBuffers {
    static final int NONE = -1;

    /** With them all records stay within a core's own cache. */
    private static final int FULL_ENTRIES = 4096;

    private static final int FULL_BYTES = 256 * 1024;
    private static final int FIRST_SLOTS = 64;
    private static final int FIRST_BYTES = 4096;
    private static final int HEADER_BYTES = 8;

    /** With fewer taken slots than one of so many, they are freed one by one. */
    private static final int SPARSE = 16;

    private static final VarHandle INT = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.nativeOrder());

    private final byte[] initialBuffer;
    private byte[] bytes = new byte[FIRST_BYTES];
    private long[] slots = new long[FIRST_SLOTS];
    private int endOffset;
    private int count;

    /** @param initialBuffer what a new key begins with; its size is a multiple of 8 */
    PartialBuffers(byte[] initialBuffer) {
        this.initialBuffer = initialBuffer;
    }

    int count() {
        return count;
    }

    boolean isFull() {
        return count >= FULL_ENTRIES || endOffset >= FULL_BYTES;
    }

    /** Where entries lie; another array after {@link #add}. */
    byte[] bytes() {
        return bytes;
    }

    int bufferOffset(int entry) {
        return entry + HEADER_BYTES + padded(keySize(entry));
    }

    RowView key(int entry, RowView view) {
        return view.pointTo(bytes, entry + HEADER_BYTES, keySize(entry));
    }

    private int keySize(int entry) {
        return (int) INT.get(bytes, entry);
    }

    private int hash(int entry) {
        return (int) INT.get(bytes, entry + Integer.BYTES);
    }

    /** The first entry, if there is one; {@link #count} says how many there are, one behind the other by {@link #next}. */
    int first() {
        return 0;
    }

    int next(int entry) {
        return bufferOffset(entry) + initialBuffer.length;
    }

    /** The entry of a key, or {@link #NONE}. {@code hash} is {@link KeyBytes#hash} of the key. */
    int find(int hash, RowView key) {
        int mask = slots.length - 1;
        int at = hash & mask;
        while (true) {
            long slot = slots[at];
            if (slot == 0) {
                return NONE;
            }
            int entry = (int) slot - 1;
            if ((int) (slot >>> Integer.SIZE) == hash
                    && keySize(entry) == key.sizeBytes()
                    && KeyBytes.equal(bytes, entry + HEADER_BYTES, key.bytes(), key.offset(), key.sizeBytes())) {
                return entry;
            }
            at = (at + 1) & mask;
        }
    }

    /** Adds a key that is not there, with a fresh buffer. */
    int add(int hash, RowView key) {
        if ((count + 1) * 2 > slots.length) {
            growSlots();
        }
        int entry = endOffset;
        int bufferOffset = entry + HEADER_BYTES + padded(key.sizeBytes());
        endOffset = bufferOffset + initialBuffer.length;
        if (endOffset > bytes.length) {
            bytes = Arrays.copyOf(bytes, Math.max(endOffset, bytes.length * 2));
        }
        INT.set(bytes, entry, key.sizeBytes());
        INT.set(bytes, entry + Integer.BYTES, hash);
        System.arraycopy(key.bytes(), key.offset(), bytes, entry + HEADER_BYTES, key.sizeBytes());
        System.arraycopy(initialBuffer, 0, bytes, bufferOffset, initialBuffer.length);
        insert(hash, entry);
        count++;
        return entry;
    }

    private void insert(int hash, int entry) {
        int mask = slots.length - 1;
        int at = hash & mask;
        while (slots[at] != 0) {
            at = (at + 1) & mask;
        }
        slots[at] = ((long) hash << Integer.SIZE) | (entry + 1);
    }

    private void growSlots() {
        slots = new long[slots.length * 2];
        int entry = first();
        for (int i = 0; i < count; i++, entry = next(entry)) {
            insert(hash(entry), entry);
        }
    }

    void clear() {
        if (count * SPARSE < slots.length) {
            freeSlots();
        } else {
            Arrays.fill(slots, 0);
        }
        if (bytes.length > 2 * FULL_BYTES) {
            bytes = new byte[FIRST_BYTES];
        }
        endOffset = 0;
        count = 0;
    }

    private void freeSlots() {
        int mask = slots.length - 1;
        int entry = first();
        for (int i = 0; i < count; i++, entry = next(entry)) {
            int at = hash(entry) & mask;
            while ((int) slots[at] != entry + 1) {
                at = (at + 1) & mask;
            }
            slots[at] = 0;
        }
    }

    private static int padded(int sizeBytes) {
        return (sizeBytes + 7) & ~7;
    }
}
