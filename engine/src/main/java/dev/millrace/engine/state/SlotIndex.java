package dev.millrace.engine.state;

import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;

/**
 * Where the entries of a table are, by their keys' hashes: open addressing with linear probing. The
 * hash beside the address lets the index grow and close gaps without reading an entry.
 *
 * <p>Layout of a slot; 0 is an empty one:
 * <pre>
 *   63        32 31         0
 *   +-----------+------------+
 *   | key hash  | address    |
 *   +-----------+------------+
 * </pre>
 *
 * <p>Thread: the owning task. Bounds: three quarters of the slots are taken at most; 2^30 slots.
 */
final class SlotIndex {
    private static final int FIRST_SLOTS = 8;
    private static final int MAX_SLOTS = 1 << 30;

    /** Shared by all tables that hold nothing yet; never written. */
    private static final long[] NO_SLOTS = new long[1];

    private final StateLedger ledger;
    private long[] slots = NO_SLOTS;

    SlotIndex(StateLedger ledger) {
        this.ledger = ledger;
    }

    /** The slots, as many as a power of two; a key's first slot is its hash modulo their number. */
    long[] slots() {
        return slots;
    }

    static int hash(long slot) {
        return (int) (slot >>> 32);
    }

    static int address(long slot) {
        return (int) slot;
    }

    /** Makes sure that one more entry than {@code count} has room. Errors: STATE_MEMORY. */
    void makeRoom(int count) {
        if ((count + 1L) * 4 <= slots.length * 3L) {
            return;
        }
        if (slots.length == MAX_SLOTS) {
            throw new MillraceException(
                    ErrorCode.STATE_MEMORY,
                    "Cannot add a key to a key group: keys=%d. Raise spark.sql.shuffle.partitions.".formatted(count));
        }
        grow(Math.max(FIRST_SLOTS, slots.length * 2));
    }

    /** Makes room for so many entries at once, where that is known before; no more than {@link #MAX_SLOTS} slots. */
    void reserve(long count) {
        int capacity = Math.max(FIRST_SLOTS, slots.length);
        while (count * 4L > capacity * 3L && capacity < MAX_SLOTS) {
            capacity *= 2;
        }
        if (capacity > slots.length) {
            grow(capacity);
        }
    }

    private void grow(int capacity) {
        long[] before = slots;
        slots = allocate(capacity);
        for (long slot : before) {
            if (slot != 0) {
                insert(hash(slot), address(slot));
            }
        }
        giveBack(before);
    }

    /** Forgets all entries and makes room for {@code count}. */
    void restart(int count) {
        giveBack(slots);
        slots = NO_SLOTS;
        if (count > 0) {
            int capacity = FIRST_SLOTS;
            while (count * 4L > capacity * 3L) {
                capacity *= 2;
            }
            slots = allocate(capacity);
        }
    }

    private long[] allocate(int capacity) {
        ledger.take((long) capacity * Long.BYTES + StateLedger.ARRAY_HEADER_BYTES);
        return new long[capacity];
    }

    private void giveBack(long[] dropped) {
        if (dropped != NO_SLOTS) {
            ledger.giveBack((long) dropped.length * Long.BYTES + StateLedger.ARRAY_HEADER_BYTES);
        }
    }

    void insert(int hash, int address) {
        int mask = slots.length - 1;
        int at = hash & mask;
        while (slots[at] != 0) {
            at = (at + 1) & mask;
        }
        slots[at] = ((long) hash << 32) | address;
    }

    /** Gives an entry's slot to another entry of the same key. */
    void replace(int hash, int address, int newAddress) {
        int mask = slots.length - 1;
        int at = hash & mask;
        while (address(slots[at]) != address) {
            at = (at + 1) & mask;
        }
        slots[at] = ((long) hash << 32) | newAddress;
    }

    /** Empties an entry's slot and moves those behind it up, so that no probe meets a gap. */
    void remove(int hash, int address) {
        int mask = slots.length - 1;
        int gap = hash & mask;
        while (address(slots[gap]) != address) {
            gap = (gap + 1) & mask;
        }
        int at = (gap + 1) & mask;
        while (slots[at] != 0) {
            int home = hash(slots[at]) & mask;
            if (((at - home) & mask) >= ((at - gap) & mask)) {
                slots[gap] = slots[at];
                gap = at;
            }
            at = (at + 1) & mask;
        }
        slots[gap] = 0;
    }
}
