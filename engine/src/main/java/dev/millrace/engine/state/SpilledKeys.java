package dev.millrace.engine.state;

import static dev.millrace.engine.state.EntryTable.NEVER;
import static dev.millrace.engine.state.EntryTable.NONE;

import dev.millrace.engine.page.RowView;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The keys of one table that are not in memory. A key is here with all its entries or not at all; one
 * that is looked for comes back to memory whole.
 *
 * <p>Thread: the owning task. Bounds: a key whose entries take more than {@link #MOST_KEY_BYTES} stays in
 * memory.
 */
final class SpilledKeys {
    static final int MOST_KEY_BYTES = 64 << 20;

    /** How many keys come back at once when their time has come, and how much they may take. */
    private static final int EXPIRED_AT_ONCE = 256;

    private static final int EXPIRED_BYTES_AT_ONCE = 64 * 1024;
    private static final byte[] NO_KEY = new byte[0];

    private final EntryTable table;
    private final SpillArea area;
    private final int keyGroup;
    private final RowView keyView = new RowView();
    private final SpilledEntries.Writer entries = new SpilledEntries.Writer();
    private int keyCount;
    private long rowCount;
    private long earliestMicros = NEVER;

    /** Where the eviction goes on, or NONE for the start. */
    private int hand = NONE;

    /** The last epoch of which something was put here that changed in it. */
    private int lastChangedEpoch = StateLedger.BEFORE_ALL_EPOCHS;

    /** The key that was last looked for in vain, or null: who finds none adds it, and may look again. */
    private byte @Nullable [] absentKey;

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

    /** What is here as of a barrier and the snapshot has to write, or null for nothing. */
    @Nullable
    SpilledFreeze freeze(SpillArea.View view, int epoch, KeyGroupWriter writer) {
        boolean mayHoldAny = rowCount > 0 && (writer.isBase() || lastChangedEpoch == epoch);
        return mayHoldAny ? new SpilledFreeze(view, keyGroup, epoch, writer) : null;
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
        int entry = hand == NONE ? table.firstEntry() : table.skipRemoved(hand);
        while (entry != NONE && looked < limit) {
            looked++;
            if (table.isFirstOfKey(entry) && mayBeEvicted(entry, changedToo)) {
                evictKey(entry);
            }
            entry = table.nextEntry(entry);
        }
        area.flush();
        absentKey = null;
        hand = entry;
        table.giveGarbageBack();
        return looked;
    }

    private boolean mayBeEvicted(int first, boolean changedToo) {
        boolean may = true;
        long sizeBytes = 0;
        for (int entry = first; entry != NONE; entry = table.nextOfKey(entry)) {
            boolean inUse = table.hasFlag(entry, EntryLayout.LOADED)
                    || !changedToo && table.stamp(entry) == table.ledger.epoch();
            table.flag(entry, EntryLayout.LOADED, false);
            sizeBytes += table.entrySizeBytes(entry);
            may &= !inUse;
        }
        return may && sizeBytes <= MOST_KEY_BYTES;
    }

    private void evictKey(int first) {
        entries.start();
        long expiryMicros = NEVER;
        long rows = 0;
        boolean changed = false;
        for (int entry = first; entry != NONE; entry = table.nextOfKey(entry)) {
            table.saveBeforeSpilling(entry);
            expiryMicros = Math.min(expiryMicros, table.expiryMicros(entry));
            changed |= table.stamp(entry) == table.ledger.epoch();
            entries.append(table, entry);
            rows++;
        }
        byte[] key = table.key(first, keyView).toBytes();
        byte[] stored = entries.toBytes();
        area.put(keyGroup, key, stored, expiryMicros);
        if (changed) {
            lastChangedEpoch = table.ledger.epoch();
            area.putChange(lastChangedEpoch, keyGroup, key);
            table.ledger.noteSpilledChange();
        }
        keyCount++;
        count(rows, key.length + stored.length);
        earliestMicros = Math.min(earliestMicros, expiryMicros);
        drop(first);
    }

    private void drop(int first) {
        int next;
        for (int entry = first; entry != NONE; entry = next) {
            next = table.nextOfKey(entry);
            table.dropSpilled(entry);
        }
    }

    private void count(long rows, long sizeBytes) {
        rowCount += rows;
        table.ledger.addSpilled(rows, sizeBytes);
    }

    /** Brings a key back to memory; false when it is not here. Errors: STATE_MEMORY, STATE_STORAGE. */
    boolean load(byte[] key, int offset, int sizeBytes) {
        byte[] absent = absentKey;
        if (keyCount == 0
                || absent != null && Arrays.equals(absent, 0, absent.length, key, offset, offset + sizeBytes)) {
            return false;
        }
        byte[] exact = Arrays.copyOfRange(key, offset, offset + sizeBytes);
        byte[] stored = area.entries(keyGroup, exact, 0, sizeBytes);
        absentKey = exact; // from here on: adding its entries looks the key up
        if (stored == null) {
            return false;
        }
        forget(exact, stored);
        SpilledEntries loaded = new SpilledEntries(exact, stored);
        while (loaded.next()) {
            table.addLoaded(
                    loaded.wholeKey(),
                    loaded.subKeySizeBytes(),
                    loaded.value(),
                    loaded.expiryMicros(),
                    loaded.stamp(),
                    loaded.flags());
        }
        return true;
    }

    private void forget(byte[] key, byte[] stored) {
        long expiryMicros = NEVER;
        long rows = 0;
        SpilledEntries gone = new SpilledEntries(NO_KEY, stored);
        while (gone.next()) {
            expiryMicros = Math.min(expiryMicros, gone.expiryMicros());
            rows++;
        }
        keyCount--;
        count(-rows, -(key.length + stored.length));
        area.delete(keyGroup, key, expiryMicros);
        area.flush();
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
                keys[count++] = cursor.key();
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
}
