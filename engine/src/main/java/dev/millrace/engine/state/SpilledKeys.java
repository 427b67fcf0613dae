package dev.millrace.engine.state;

import static dev.millrace.engine.state.EntryTable.NEVER;
import static dev.millrace.engine.state.EntryTable.NONE;

import dev.millrace.engine.page.RowView;
import java.nio.ByteBuffer;
import java.util.Arrays;
import org.rocksdb.Snapshot;

/**
 * The keys of one table that are not in memory. A key is here with all its entries or not at all; one
 * that is looked for comes back to memory whole.
 *
 * <p>Layout of a key's entries, one behind the other, the most significant byte first:
 * <pre>
 *   | subKeySize | valueSize | epoch | mark | expiry | sub-key | value |
 *        4            4          4      4      8
 * </pre>
 *
 * <p>Thread: the owning task.
 */
final class SpilledKeys {
    private static final int HEADER_BYTES = 24;
    private static final int INITIAL_BYTES = 256;

    /** How many keys come back at once when their time has come. */
    private static final int EXPIRED_AT_ONCE = 256;

    private static final int EXPIRED_BYTES_AT_ONCE = 64 * 1024;

    private final EntryTable table;
    private final SpillArea area;
    private final int keyGroup;
    private final RowView keyView = new RowView();
    private final RowView value = new RowView();
    private ByteBuffer entries = ByteBuffer.allocate(INITIAL_BYTES);
    private int keyCount;
    private long rowCount;
    private long earliestMicros = NEVER;

    /** Where the eviction goes on, or NONE for the start. */
    private int hand = NONE;

    /** The last epoch of which something is here that changed in it. */
    private int lastChangedEpoch = StateLedger.BEFORE_ALL_EPOCHS;

    SpilledKeys(EntryTable table, SpillArea area, int keyGroup) {
        this.table = table;
        this.area = area;
        this.keyGroup = keyGroup;
    }

    long rowCount() {
        return rowCount;
    }

    /** A time before which none of these expires. */
    long earliestExpiryMicros() {
        return earliestMicros;
    }

    /** The table has moved its entries. */
    void entriesMoved() {
        hand = NONE;
    }

    /** Whether the eviction has come to the table's end. */
    boolean isEvictionThrough() {
        return hand == NONE;
    }

    /** Whether something is here that changed in this epoch and that its snapshot has to write. */
    boolean mayHoldChangesOf(int epoch) {
        return lastChangedEpoch == epoch && rowCount > 0;
    }

    /**
     * Puts keys out of memory, in the table's own order from where the last call stopped; those that came
     * back since the last round stay for one more.
     *
     * @param limit how many entries are looked at
     * @param changedToo whether also what has changed in this epoch; else that stays, for it is in use
     * @return how many entries were looked at
     */
    int evict(int limit, boolean changedToo) {
        int looked = 0;
        int entry = hand == NONE ? table.firstInMemory() : table.skipRemoved(table.arena, hand);
        while (entry != NONE && looked < limit) {
            looked++;
            if (table.isFirstOfKey(entry) && mayBeEvicted(entry, changedToo)) {
                evictKey(entry);
            }
            entry = table.nextEntry(entry);
        }
        area.flush();
        hand = entry;
        return looked;
    }

    private boolean mayBeEvicted(int first, boolean changedToo) {
        boolean may = true;
        for (int entry = first; entry != NONE; entry = table.nextOfKey(entry)) {
            may &= !table.takeLoaded(entry) && (changedToo || table.stamp(entry) != table.ledger.epoch());
        }
        return may;
    }

    private void evictKey(int first) {
        for (int entry = first; entry != NONE; entry = table.nextOfKey(entry)) {
            table.saveBefore(entry);
        }
        put(first);
        int next;
        for (int entry = first; entry != NONE; entry = next) {
            next = table.nextOfKey(entry);
            table.dropSpilled(entry);
        }
    }

    private void put(int first) {
        entries.clear();
        long expiryMicros = NEVER;
        for (int entry = first; entry != NONE; entry = table.nextOfKey(entry)) {
            expiryMicros = Math.min(expiryMicros, table.expiryMicros(entry));
            append(entry);
            rowCount++;
        }
        byte[] bytes = Arrays.copyOf(entries.array(), entries.position());
        area.put(keyGroup, table.key(first, keyView).toBytes(), bytes, expiryMicros);
        keyCount++;
        earliestMicros = Math.min(earliestMicros, expiryMicros);
    }

    private void append(int entry) {
        RowView stored = table.storedValue(entry, value);
        int subKeySizeBytes = table.subKeySizeBytes(entry);
        int needed = HEADER_BYTES + subKeySizeBytes + stored.sizeBytes();
        if (entries.remaining() < needed) {
            int capacity = Math.max(entries.position() + needed, 2 * entries.capacity());
            entries = ByteBuffer.wrap(Arrays.copyOf(entries.array(), capacity)).position(entries.position());
        }
        RowView whole = table.wholeKey(entry, keyView);
        entries.putInt(subKeySizeBytes).putInt(stored.sizeBytes());
        int stamp = table.stamp(entry);
        if (stamp == table.ledger.epoch()) {
            lastChangedEpoch = stamp;
        }
        entries.putInt(stamp).putInt(table.flags(entry)).putLong(table.expiryMicros(entry));
        entries.put(whole.bytes(), whole.offset() + whole.sizeBytes() - subKeySizeBytes, subKeySizeBytes);
        entries.put(stored.bytes(), stored.offset(), stored.sizeBytes());
    }

    /** Brings a key back to memory; false when it is not here. Errors: STATE_MEMORY, STATE_STORAGE. */
    boolean load(byte[] key, int offset, int sizeBytes) {
        if (keyCount == 0) {
            return false;
        }
        byte[] exact = Arrays.copyOfRange(key, offset, offset + sizeBytes);
        byte[] stored = area.entries(keyGroup, exact);
        if (stored == null) {
            return false;
        }
        // The key goes from here before its entries are added: adding looks the key up.
        long[] expiryMicros = {NEVER};
        read(exact, stored, (whole, subKeySizeBytes, entryValue, stamp, flags, micros) -> {
            expiryMicros[0] = Math.min(expiryMicros[0], micros);
            rowCount--;
        });
        keyCount--;
        area.delete(keyGroup, exact, expiryMicros[0]);
        area.flush();
        read(
                exact,
                stored,
                (whole, subKeySizeBytes, entryValue, stamp, flags, micros) ->
                        table.addLoaded(whole, subKeySizeBytes, entryValue, micros, stamp, flags));
        return true;
    }

    /** Takes what is spilled of an entry. */
    @FunctionalInterface
    interface Reader {
        void entry(RowView wholeKey, int subKeySizeBytes, RowView value, int stamp, int flags, long expiryMicros);
    }

    static void read(byte[] key, byte[] stored, Reader reader) {
        RowView wholeKey = new RowView();
        RowView entryValue = new RowView();
        ByteBuffer from = ByteBuffer.wrap(stored);
        while (from.hasRemaining()) {
            int subKeySizeBytes = from.getInt();
            int valueSizeBytes = from.getInt();
            int stamp = from.getInt();
            int flags = from.getInt();
            long expiryMicros = from.getLong();
            byte[] whole = Arrays.copyOf(key, key.length + subKeySizeBytes);
            from.get(whole, key.length, subKeySizeBytes);
            wholeKey.pointTo(whole, 0, whole.length);
            entryValue.pointTo(stored, from.position(), valueSizeBytes);
            from.position(from.position() + valueSizeBytes);
            reader.entry(wholeKey, subKeySizeBytes, entryValue, stamp, flags, expiryMicros);
        }
    }

    /**
     * Brings some keys back whose first entry expires at this time or earlier, the earliest first; after
     * that either all such keys are in memory, or {@link #earliestExpiryMicros} says that there are more.
     */
    void loadExpired(long lastMicros) {
        if (earliestMicros > lastMicros) {
            return;
        }
        byte[][] keys = new byte[EXPIRED_AT_ONCE][];
        long[] times = new long[EXPIRED_AT_ONCE + 1];
        int count = 0;
        try (SpillArea.Cursor cursor = area.times(keyGroup)) {
            while (cursor.isValid() && cursor.expiryMicros() <= lastMicros && count < EXPIRED_AT_ONCE) {
                times[count] = cursor.expiryMicros();
                keys[count++] = cursor.keyBehindTime();
                cursor.advance();
            }
            times[count] = cursor.isValid() ? cursor.expiryMicros() : NEVER;
        }
        long most = table.ledger.usedBytes() + EXPIRED_BYTES_AT_ONCE;
        int loaded = 0;
        while (loaded < count && table.ledger.usedBytes() < most) {
            load(keys[loaded], 0, keys[loaded].length);
            loaded++;
        }
        earliestMicros = times[loaded];
    }

    /** All that is here as of a snapshot. */
    SpillArea.Cursor allEntries(Snapshot snapshot) {
        return area.allEntries(keyGroup, snapshot);
    }
}
