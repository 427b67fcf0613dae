package dev.millrace.engine.state;

import static dev.millrace.engine.state.KeyBytes.INT;

import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.engine.page.RowView;
import dev.millrace.engine.snapshot.SectionEntry;
import org.jspecify.annotations.Nullable;

/**
 * A table with one entry per key. Values are bytes of one size that are changed where they lie, bytes
 * of any size, or hot objects. A lookup reads one slot of the index, the entry it wants, and hardly
 * ever another.
 *
 * <p>Layout: as {@link EntryTable}; the tail, where values are of any size:
 * <pre>
 *   0           4        8
 *   +-----------+--------+
 *   | valueSize | unused |
 *   +-----------+--------+
 * </pre>
 *
 * <p>Thread: the owning task.
 */
public final class KeyedTable extends EntryTable {
    private static final int TAIL_BYTES = 8;

    private final @Nullable HotObjects objects;
    private final SlotIndex index;

    /** The index's array once more: KeyedStateBenchmark, 1,000 keys in 200 key groups. */
    private long[] slots;

    private KeyedTable(StateLedger ledger, int keyGroup, int valueSizeBytes, @Nullable HotObjects objects) {
        super(ledger, keyGroup, valueSizeBytes == ANY_SIZE ? TAIL_BYTES : 0, valueSizeBytes);
        this.objects = objects;
        this.index = new SlotIndex(ledger);
        this.slots = index.slots();
    }

    static KeyedTable ofBytes(StateLedger ledger, int keyGroup, int valueSizeBytes) {
        return new KeyedTable(ledger, keyGroup, valueSizeBytes, null);
    }

    static KeyedTable ofValues(StateLedger ledger, int keyGroup) {
        return new KeyedTable(ledger, keyGroup, ANY_SIZE, null);
    }

    static KeyedTable ofObjects(StateLedger ledger, int keyGroup, ObjectValues values) {
        return new KeyedTable(ledger, keyGroup, HotObjects.VALUE_BYTES, new HotObjects(ledger, values));
    }

    /** The entry of a key, or {@link #NONE}. {@code hash} is {@link KeyBytes#hash} of the key. */
    public int find(int hash, byte[] key, int keyOffset, int keySizeBytes) {
        long[] slots = this.slots;
        int mask = slots.length - 1;
        int at = hash & mask;
        while (true) {
            long slot = slots[at];
            if (slot == 0) {
                return spilled == null ? NONE : load(spilled, hash, key, keyOffset, keySizeBytes);
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

    private int load(SpilledKeys outside, int hash, byte[] key, int keyOffset, int keySizeBytes) {
        return outside.load(key, keyOffset, keySizeBytes) ? find(hash, key, keyOffset, keySizeBytes) : NONE;
    }

    /** The entry of a key, or {@link #NONE}. */
    public int find(int hash, RowView key) {
        return find(hash, key.bytes(), key.offset(), key.sizeBytes());
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
     * Adds a key that the table does not hold. A value of fixed size is all zero bytes, one of any size
     * is empty; an object is to be placed.
     *
     * <p>Errors: STATE_MEMORY; then the table is as before.
     */
    public int add(int hash, RowView key, long expiryMicros) {
        return addEntry(hash, key, Math.max(0, fixedValueBytes()), expiryMicros);
    }

    /** Adds a key that the table does not hold, with its value. Errors: as {@link #add(int, RowView, long)}. */
    public int add(int hash, RowView key, RowView value, long expiryMicros) {
        int entry = addEntry(hash, key, value.sizeBytes(), expiryMicros);
        System.arraycopy(value.bytes(), value.offset(), bytes(entry), valueOffset(entry), value.sizeBytes());
        return entry;
    }

    private int addEntry(int hash, RowView key, int valueSizeBytes, long expiryMicros) {
        index.makeRoom(rowCount());
        slots = index.slots();
        int entry = newEntry(key.sizeBytes(), valueSizeBytes, expiryMicros);
        byte[] bytes = bytes(entry);
        int offset = EntryArena.offset(entry) + HEADER_BYTES;
        System.arraycopy(key.bytes(), key.offset(), bytes, offset, key.sizeBytes());
        index.insert(hash, entry);
        return entry;
    }

    /**
     * Gives an entry that was just added its hot object.
     *
     * <p>Errors: STATE_MEMORY; the entry is then of no use, and the table only to be closed.
     */
    public void placeObject(int entry, Object object) {
        hotObjects().place(bytes(entry), valueOffset(entry), object);
    }

    /** Gives an entry another hot object. Errors: as {@link #placeObject}. */
    public void replaceObject(int entry, Object object) {
        hotObjects().remove(bytesToChange(entry), valueOffset(entry));
        placeObject(entry, object);
    }

    /** Announces that an entry's hot object is about to change, and gives it. */
    public Object objectToChange(int entry) {
        return hotObjects().object(bytesToChange(entry), valueOffset(entry));
    }

    /** Says that an entry's hot object was changed. Errors: STATE_MEMORY when it has outgrown the budget. */
    public void objectChanged(int entry) {
        hotObjects().changed(bytes(entry), valueOffset(entry));
    }

    /** An entry's hot object, not to be changed. */
    public Object object(int entry) {
        return hotObjects().object(bytes(entry), valueOffset(entry));
    }

    private HotObjects hotObjects() {
        if (objects == null) {
            throw new MillraceException(
                    ErrorCode.INVARIANT,
                    "Cannot use a hot object: the table's values are bytes. Report this as a bug.");
        }
        return objects;
    }

    @Override
    int nextOfKey(int entry) {
        return NONE;
    }

    @Override
    boolean isFirstOfKey(int entry) {
        return true;
    }

    @Override
    int addStored(RowView wholeKey, int subKeySizeBytes, RowView value, long expiryMicros) {
        return addStored(hash(wholeKey), wholeKey, value, expiryMicros);
    }

    private int addStored(int hash, RowView key, RowView value, long expiryMicros) {
        if (objects == null) {
            return add(hash, key, value, expiryMicros);
        }
        Object object = objects.deserialize(value);
        int entry = add(hash, key, expiryMicros);
        placeObject(entry, object);
        return entry;
    }

    private static int hash(RowView key) {
        return KeyBytes.hash(key.bytes(), key.offset(), key.sizeBytes());
    }

    @Override
    int subKeySizeBytes(int entry) {
        return 0;
    }

    @Override
    void unlink(int entry) {
        index.remove(hashOf(entry), entry);
    }

    @Override
    void dropBeforeCompaction(int entry) {
        markExpired(entry); // the slots are built anew
    }

    @Override
    void relink(int entry, int moved) {
        index.replace(hashOf(entry), entry, moved);
    }

    private int hashOf(int entry) {
        return KeyBytes.hash(bytes(entry), EntryArena.offset(entry) + HEADER_BYTES, keySizeBytes(entry));
    }

    @Override
    void dropValue(int entry) {
        if (objects != null) {
            objects.remove(bytes(entry), valueOffset(entry));
        }
    }

    @Override
    RowView storedValue(int entry, RowView view) {
        return objects == null ? value(entry, view) : objects.serialize(bytes(entry), valueOffset(entry));
    }

    @Override
    int findWhole(RowView wholeKey, int subKeySizeBytes) {
        requireNoSubKey(subKeySizeBytes);
        return find(hash(wholeKey), wholeKey);
    }

    private static void requireNoSubKey(int subKeySizeBytes) {
        if (subKeySizeBytes != 0) {
            throw corrupt("an entry has a sub-key, subKeySizeBytes=%d, expected none".formatted(subKeySizeBytes));
        }
    }

    @Override
    void reserve(int count) {
        index.reserve((long) rowCount() + count);
        slots = index.slots();
    }

    @Override
    void expect(long sizeBytes) {
        if (objects == null) { // else an entry may be smaller than the record of its object
            super.expect(sizeBytes);
        }
    }

    @Override
    void restorePut(SectionEntry put, boolean isNew) {
        RowView key = put.key();
        RowView value = put.value();
        if (objects == null && fixedValueBytes() != ANY_SIZE && value.sizeBytes() != fixedValueBytes()) {
            throw corrupt("a value has sizeBytes=%d, expected %d".formatted(value.sizeBytes(), fixedValueBytes()));
        }
        requireNoSubKey(put.subKeySizeBytes());
        int hash = hash(key);
        int entry = isNew ? NONE : find(hash, key);
        if (entry == NONE) {
            entry = addStored(hash, key, value, put.expiryMicros());
        } else {
            entry = changeExpiry(entry, put.expiryMicros());
            if (objects == null) {
                entry = replace(entry, value);
            } else {
                replaceObject(entry, objects.deserialize(value));
            }
        }
        markRestored(entry);
        boundGarbage();
    }

    @Override
    void restartIndex() {
        index.restart(rowCount());
        slots = index.slots();
    }

    /** Gives chunks of the old arena back while it goes. */
    @Override
    void moveAll(EntryArena before) {
        @Nullable Object[] objectsBefore = objects == null ? null : objects.startRenumbering(rowCount());
        for (int entry = firstLive(before); entry != NONE; entry = nextLive(before, entry)) {
            before.dropChunksBefore(entry);
            int moved = moveFrom(before, entry);
            index.insert(hashOf(moved), moved);
            if (objects != null && objectsBefore != null) {
                objects.renumber(objectsBefore, bytes(moved), valueOffset(moved));
            }
        }
    }
}
