package dev.millrace.engine.state;

import static dev.millrace.engine.state.KeyBytes.INT;
import static dev.millrace.engine.state.KeyBytes.LONG;

import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.engine.page.RowView;
import org.jspecify.annotations.Nullable;

/**
 * The keyed state of one operator in one key group: key bytes to a value of fixed size, which is
 * either bytes that are changed where they lie or a hot object. A lookup
 * reads one slot of the index, the entry it wants, and hardly ever another. An entry is named by its address, an int that is never {@link #NONE}.
 *
 * <p>Every change goes through {@link #add}, {@link #bytesToChange}, {@link #objectToChange} and
 * {@link #remove}, and stamps the entry with the ledger's epoch.
 *
 * <p>Layout of an entry, in units of 8 bytes:
 * <pre>
 *   0        4       8       12           16      24     24 + key     + value
 *   +--------+-------+-------+------------+-------+------------+------------+
 *   |keySize | next  | epoch | changeMark | expiry| key        | value      |
 *   |        | entry |       |            | micros| (padded)   | (padded)   |
 *   +--------+-------+-------+------------+-------+------------+------------+
 * </pre>
 * {@code keySize} is negative once the entry was removed; {@code next} chains entries of one expiry
 * time; {@code changeMark} is a number that the operator may keep with an entry.
 *
 * <p>Thread: the owning task. Lifetime: addresses are valid until {@link #remove} or {@link
 * #removeExpired}, arrays until the next {@link #add} too. Bounds: 24 bytes per entry and 11 to 21 for
 * its slot; removed entries take at most as much memory as the others, or {@link
 * #MAX_IDLE_GARBAGE_BYTES}.
 */
public final class KeyedTable {
    /** The address of no entry. */
    public static final int NONE = EntryArena.NONE;

    /** An expiry time that never comes. */
    public static final long NEVER = Long.MAX_VALUE;

    static final int MAX_IDLE_GARBAGE_BYTES = 1024;

    private static final int HEADER_BYTES = 24;
    private final StateLedger ledger;
    private final int valueSizeBytes;
    private final int paddedValueSizeBytes;
    private final @Nullable HotObjects objects;
    private final ExpiryQueue expiries;
    private final SlotIndex index;
    private EntryArena arena;

    /** The index's and the arena's arrays once more: KeyedStateBenchmark, 1,000 keys in 200 key groups. */
    private long[] slots;

    private byte[][] chunks;
    private int rowCount;
    private long garbageBytes;

    private KeyedTable(StateLedger ledger, int valueSizeBytes, @Nullable HotObjects objects) {
        this.ledger = ledger;
        this.valueSizeBytes = valueSizeBytes;
        this.paddedValueSizeBytes = padded(valueSizeBytes);
        this.objects = objects;
        this.expiries = new ExpiryQueue(ledger);
        this.index = new SlotIndex(ledger);
        this.arena = new EntryArena(ledger);
        this.slots = index.slots();
        this.chunks = arena.chunks();
    }

    static KeyedTable ofBytes(StateLedger ledger, int valueSizeBytes) {
        return new KeyedTable(ledger, valueSizeBytes, null);
    }

    static KeyedTable ofObjects(StateLedger ledger) {
        return new KeyedTable(ledger, HotObjects.VALUE_BYTES, new HotObjects(ledger));
    }

    /** The entry of a key, or {@link #NONE}. {@code hash} is {@link KeyBytes#hash} of the key. */
    public int find(int hash, byte[] key, int keyOffset, int keySizeBytes) {
        long[] slots = this.slots;
        int mask = slots.length - 1;
        int at = hash & mask;
        while (true) {
            long slot = slots[at];
            if (slot == 0) {
                return NONE;
            }
            if (SlotIndex.hash(slot) == hash) {
                int entry = SlotIndex.address(slot);
                byte[] bytes = bytes(entry);
                int offset = EntryArena.offset(entry);
                if ((int) INT.get(bytes, offset) == keySizeBytes
                        && KeyBytes.equal(bytes, offset + HEADER_BYTES, key, keyOffset, keySizeBytes)) {
                    return entry;
                }
            }
            at = (at + 1) & mask;
        }
    }

    /**
     * Brings what {@link #find} will read for this hash into the processor's cache. What is returned
     * says nothing, but has to be used, or the look is optimised away.
     */
    public int touch(int hash) {
        long[] slots = this.slots;
        long slot = slots[hash & (slots.length - 1)];
        if (slot == 0) {
            return 0;
        }
        int entry = SlotIndex.address(slot);
        int offset = EntryArena.offset(entry);
        byte[] bytes = bytes(entry);
        // The end of a small entry mostly lies in the next cache line.
        return bytes[offset] + bytes[Math.min(offset + 56, bytes.length - 1)];
    }

    /**
     * Adds a key that the table does not hold; its value is all zero bytes.
     *
     * <p>Errors: STATE_MEMORY; then the table is as before.
     */
    public int add(int hash, RowView key, long expiryMicros) {
        index.makeRoom(rowCount);
        slots = index.slots();
        if (expiryMicros != NEVER) {
            expiries.makeRoom();
        }
        int entry = arena.allocate(sizeBytes(key.sizeBytes()));
        chunks = arena.chunks();
        byte[] bytes = bytes(entry);
        int offset = EntryArena.offset(entry);
        INT.set(bytes, offset, key.sizeBytes());
        INT.set(bytes, offset + 8, ledger.epoch());
        LONG.set(bytes, offset + 16, expiryMicros);
        System.arraycopy(key.bytes(), key.offset(), bytes, offset + HEADER_BYTES, key.sizeBytes());
        queue(entry, expiryMicros);
        ledger.noteExpiry(expiryMicros);
        index.insert(hash, entry);
        rowCount++;
        ledger.addRows(1);
        return entry;
    }

    /**
     * Gives an entry that was just added its hot object, of a size in memory that the caller estimates.
     *
     * <p>Errors: STATE_MEMORY; the entry is then of no use, and the table only to be closed.
     */
    public void placeObject(int entry, Object object, long objectSizeBytes) {
        hotObjects().place(bytes(entry), valueOffset(entry), object, objectSizeBytes);
    }

    /** Announces that an entry's value is about to change, and gives the array that it lies in. */
    public byte[] bytesToChange(int entry) {
        byte[] bytes = bytes(entry);
        INT.set(bytes, EntryArena.offset(entry) + 8, ledger.epoch());
        return bytes;
    }

    /** Announces that an entry's hot object is about to change, and gives it. */
    public Object objectToChange(int entry) {
        return hotObjects().object(bytesToChange(entry), valueOffset(entry));
    }

    /** Whether a hot object that was just changed is to be measured again; then call {@link #objectResized}. */
    public boolean isObjectSizeDue(int entry) {
        return hotObjects().isSizeCheckDue(bytes(entry), valueOffset(entry));
    }

    /** Errors: STATE_MEMORY when the object has outgrown the budget. */
    public void objectResized(int entry, long objectSizeBytes) {
        hotObjects().resized(bytes(entry), valueOffset(entry), objectSizeBytes);
    }

    /** An entry's hot object, not to be changed. */
    public Object object(int entry) {
        return hotObjects().object(bytes(entry), valueOffset(entry));
    }

    /** The array that an entry lies in, not to be changed. */
    public byte[] bytes(int entry) {
        return chunks[EntryArena.chunk(entry)];
    }

    /** Where an entry's value starts in its array. */
    public int valueOffset(int entry) {
        int offset = EntryArena.offset(entry);
        return offset + HEADER_BYTES + padded(keySizeBytes(bytes(entry), offset));
    }

    public int valueSizeBytes() {
        return valueSizeBytes;
    }

    /** Points {@code view} at an entry's key. */
    public RowView key(int entry, RowView view) {
        byte[] bytes = bytes(entry);
        int offset = EntryArena.offset(entry);
        return view.pointTo(bytes, offset + HEADER_BYTES, keySizeBytes(bytes, offset));
    }

    public long expiryMicros(int entry) {
        return (long) LONG.get(bytes(entry), EntryArena.offset(entry) + 16);
    }

    /** The number that the operator last kept with the entry; 0 in a new one. It is no part of the state. */
    public int changeMark(int entry) {
        return (int) INT.get(bytes(entry), EntryArena.offset(entry) + 12);
    }

    public void changeMark(int entry, int mark) {
        INT.set(bytes(entry), EntryArena.offset(entry) + 12, mark);
    }

    /** Removes an entry. Addresses of others may change. */
    public void remove(int entry) {
        unlink(entry);
        boundGarbage();
    }

    /**
     * Removes all entries whose expiry time is at or before the watermark, and returns how many they
     * were. A few are taken out one by one; when they are many, the others are moved together instead.
     */
    public int removeExpired(long watermarkMicros) {
        long lastMicros = Math.min(watermarkMicros, NEVER - 1);
        int before = rowCount;
        int fewestRows = before - before / 4;
        while (expiries.earliestMicros() <= lastMicros) {
            if (!unlinkChain(expiries.removeEarliest(), fewestRows)) {
                markExpired(lastMicros);
                compact();
                return before - rowCount;
            }
        }
        boundGarbage();
        return before - rowCount;
    }

    /** Unlinks a chain of one expiry time; false when it stopped before fewer rows than that were left. */
    private boolean unlinkChain(int head, int fewestRows) {
        int entry = head;
        while (entry != NONE) {
            byte[] bytes = bytes(entry);
            int offset = EntryArena.offset(entry);
            if (!isRemoved(bytes, offset)) {
                if (rowCount <= fewestRows) {
                    return false;
                }
                unlink(entry);
            }
            entry = (int) INT.get(bytes, offset + 4);
        }
        return true;
    }

    /** A time before which no entry expires. */
    public long earliestExpiryMicros() {
        return expiries.earliestMicros();
    }

    /** The first entry in the table's own order, or {@link #NONE}. */
    public int firstEntry() {
        return skipRemoved(arena.first());
    }

    /** The entry behind another, or {@link #NONE}. */
    public int nextEntry(int entry) {
        return skipRemoved(arena.next(entry, entrySizeBytes(entry)));
    }

    public int rowCount() {
        return rowCount;
    }

    /** Bytes that removed entries still take. */
    long garbageBytes() {
        return garbageBytes;
    }

    private void queue(int entry, long expiryMicros) {
        int next = NONE;
        if (expiryMicros != NEVER) {
            int head = expiries.add(expiryMicros, entry);
            if (head != NONE) {
                byte[] headBytes = bytes(head);
                int headOffset = EntryArena.offset(head);
                next = (int) INT.get(headBytes, headOffset + 4);
                INT.set(headBytes, headOffset + 4, entry);
            }
        }
        INT.set(bytes(entry), EntryArena.offset(entry) + 4, next);
    }

    /** Takes an entry out of the slots; its chain still leads through it until the next compaction. */
    private void unlink(int entry) {
        byte[] bytes = bytes(entry);
        int offset = EntryArena.offset(entry);
        index.remove(KeyBytes.hash(bytes, offset + HEADER_BYTES, keySizeBytes(bytes, offset)), entry);
        markRemoved(entry);
    }

    private void markRemoved(int entry) {
        byte[] bytes = bytes(entry);
        int offset = EntryArena.offset(entry);
        if (objects != null) {
            objects.remove(bytes, valueOffset(entry));
        }
        garbageBytes += entrySizeBytes(entry);
        INT.set(bytes, offset, ~keySizeBytes(bytes, offset));
        rowCount--;
        ledger.addRows(-1);
    }

    private void markExpired(long lastMicros) {
        for (int entry = firstEntry(); entry != NONE; entry = nextEntry(entry)) {
            if (expiryMicros(entry) <= lastMicros) {
                markRemoved(entry);
            }
        }
    }

    private void boundGarbage() {
        if (garbageBytes > MAX_IDLE_GARBAGE_BYTES && garbageBytes > arena.usedBytes() / 2) {
            compact();
        }
    }

    /** Moves all entries that are left to a new arena, and builds slots and queue anew for them. */
    private void compact() {
        ledger.freeing(true);
        expiries.clear();
        index.restart(rowCount);
        slots = index.slots();
        EntryArena before = arena;
        arena = new EntryArena(ledger);
        chunks = arena.chunks();
        @Nullable Object[] objectsBefore = objects == null ? null : objects.startRenumbering(rowCount);
        int entry = rowCount == 0 ? NONE : skipRemoved(before, before.first());
        while (entry != NONE) {
            before.dropChunksBefore(entry);
            move(before, entry, objectsBefore);
            entry = skipRemoved(before, before.next(entry, entrySizeBytes(before, entry)));
        }
        before.dropChunksBefore(NONE);
        garbageBytes = 0;
        ledger.freeing(false);
    }

    private void move(EntryArena from, int entry, @Nullable Object @Nullable [] objectsBefore) {
        int sizeBytes = entrySizeBytes(from, entry);
        int moved = arena.allocate(sizeBytes);
        chunks = arena.chunks();
        byte[] bytes = bytes(moved);
        int offset = EntryArena.offset(moved);
        System.arraycopy(from.bytes(entry), EntryArena.offset(entry), bytes, offset, sizeBytes);
        long expiryMicros = expiryMicros(moved);
        if (expiryMicros != NEVER) {
            expiries.makeRoom();
        }
        queue(moved, expiryMicros);
        index.insert(KeyBytes.hash(bytes, offset + HEADER_BYTES, keySizeBytes(bytes, offset)), moved);
        if (objects != null && objectsBefore != null) {
            objects.renumber(objectsBefore, bytes, valueOffset(moved));
        }
    }

    private int skipRemoved(int entry) {
        return skipRemoved(arena, entry);
    }

    private int skipRemoved(EntryArena in, int entry) {
        int at = entry;
        while (at != NONE && isRemoved(in.bytes(at), EntryArena.offset(at))) {
            at = in.next(at, entrySizeBytes(in, at));
        }
        return at;
    }

    private int entrySizeBytes(int entry) {
        return entrySizeBytes(arena, entry);
    }

    private int entrySizeBytes(EntryArena in, int entry) {
        return sizeBytes(keySizeBytes(in.bytes(entry), EntryArena.offset(entry)));
    }

    private int sizeBytes(int keySizeBytes) {
        return HEADER_BYTES + padded(keySizeBytes) + paddedValueSizeBytes;
    }

    private static boolean isRemoved(byte[] bytes, int offset) {
        return (int) INT.get(bytes, offset) < 0;
    }

    /** The size of an entry's key, also of a removed one. */
    private static int keySizeBytes(byte[] bytes, int offset) {
        int sizeBytes = (int) INT.get(bytes, offset);
        return sizeBytes ^ (sizeBytes >> 31);
    }

    private static int padded(int sizeBytes) {
        return (sizeBytes + 7) & ~7;
    }

    private HotObjects hotObjects() {
        if (objects == null) {
            throw new MillraceException(
                    ErrorCode.INVARIANT,
                    "Cannot use a hot object: the table's values are bytes. Report this as a bug.");
        }
        return objects;
    }
}
