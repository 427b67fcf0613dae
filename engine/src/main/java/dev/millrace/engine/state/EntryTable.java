package dev.millrace.engine.state;

import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.engine.page.RowView;
import dev.millrace.engine.snapshot.SectionEntry;
import org.jspecify.annotations.Nullable;

/**
 * The entries of one state in one key group: {@link KeyedTable} has one entry per key, {@link
 * GroupedTable} several. An entry is named by its address, an int that is never {@link #NONE}.
 *
 * <p>Every change goes through a method of the table, which stamps the entry with the epoch and, while a
 * snapshot is being written, saves it first. When memory is short, keys with all their entries are put
 * out of it ({@link SpilledKeys}); one that is looked for, or whose time has come, is brought back first,
 * so that nobody else sees a difference.
 *
 * <p>Thread: the owning task. Lifetime: addresses are valid until {@link KeyedState#reclaim}, {@link
 * KeyedState#expire}, {@link KeyedState#removeExpired} or {@link KeyedState#freeze}, but for an entry
 * that was replaced; arrays until an entry is looked for or added too. Bounds: 24 bytes and the tail per
 * entry, and 11 to 21 for each slot of it; a 64th for {@link ChangedEntries}, twice while a snapshot is written; removed entries take at most as much memory as the others, or
 * {@link #MAX_IDLE_GARBAGE_BYTES}, once {@link KeyedState#reclaim} was called.
 */
public abstract sealed class EntryTable extends EntryLayout permits KeyedTable, GroupedTable {
    static final int MAX_IDLE_GARBAGE_BYTES = 1024;

    final StateLedger ledger;
    final ExpiryQueue expiries;
    private final TableSnapshots snapshots;
    private final RowView keyToRemove = new RowView();

    /** The snapshot that is being written, or null. */
    @Nullable
    TableFreeze freeze;

    /** The keys that are not in memory, or null while all are. */
    @Nullable
    SpilledKeys spilled;

    /** What changed since the table was last frozen: all that carry the ledger's stamp. */
    private ChangedEntries changed;

    private int rowCount;
    private long garbageBytes;

    /**
     * @param tailBytes bytes between key and value; the first four are the value's size unless that is fixed
     * @param fixedValueBytes the size of every value, or {@link #ANY_SIZE}
     */
    EntryTable(StateLedger ledger, int keyGroup, int tailBytes, int fixedValueBytes) {
        super(new EntryArena(ledger), tailBytes, fixedValueBytes);
        this.ledger = ledger;
        this.changed = new ChangedEntries(ledger);
        this.snapshots = new TableSnapshots(this, keyGroup);
        this.expiries = new ExpiryQueue(ledger);
    }

    /** Announces that an entry's value is about to change in place, and gives the array that it lies in. */
    public final byte[] bytesToChange(int entry) {
        saveBefore(entry);
        change(entry);
        return bytes(entry);
    }

    /**
     * Gives an entry another value, and returns its address, which is another one where the sizes differ.
     *
     * <p>Errors: STATE_MEMORY; then the table is as before.
     */
    public final int replace(int entry, RowView value) {
        int target = entry;
        if (padded(value.sizeBytes()) != padded(valueSizeBytes(entry))) {
            target = relocate(entry, value.sizeBytes(), expiryMicros(entry));
        }
        byte[] bytes = bytesToChange(target);
        valueSizeBytes(target, value.sizeBytes());
        System.arraycopy(value.bytes(), value.offset(), bytes, valueOffset(target), value.sizeBytes());
        return target;
    }

    /**
     * Gives an entry another expiry time, or {@link #NEVER}, and returns its address, which may be
     * another one where the time is earlier than before. A later time costs nothing.
     *
     * <p>Errors: STATE_MEMORY; then the table is as before.
     */
    public final int changeExpiry(int entry, long micros) {
        long before = expiryMicros(entry);
        if (micros == before) {
            return entry;
        }
        boolean queued = hasFlag(entry, QUEUED);
        if (queued && micros < before) {
            int moved = relocate(entry, valueSizeBytes(entry), micros);
            flag(moved, EARLIER, true);
            return moved;
        }
        if (!queued && micros != NEVER) {
            expiries.makeRoom();
        }
        saveBefore(entry);
        change(entry);
        expiryMicros(entry, micros);
        if (micros < before) {
            flag(entry, EARLIER, true);
        }
        if (!queued) {
            enqueue(entry, micros);
        }
        return entry;
    }

    /** Removes an entry; the next snapshot says so. Its own address is of no use then. */
    public final void remove(int entry) {
        saveBefore(entry);
        if (hasFlag(entry, STORED)) {
            snapshots.removed(wholeKey(entry, keyToRemove), subKeySizeBytes(entry));
        }
        unlink(entry);
        drop(entry);
        noteGarbage();
    }

    /** A time before which no entry expires. */
    public final long earliestExpiryMicros() {
        SpilledKeys outside = spilled;
        long inMemory = expiries.earliestMicros();
        return outside == null ? inMemory : Math.min(inMemory, outside.earliestExpiryMicros());
    }

    /** The entries in memory. */
    public final int rowCount() {
        return rowCount;
    }

    /** The first entry in memory, in the table's own order, that changed since the table was frozen, or {@link #NONE}. */
    final int firstChanged() {
        return changed.next(NONE);
    }

    /** The next one behind another. */
    final int nextChanged(int entry) {
        return changed.next(entry + 1);
    }

    /** What changed so far; from now on changes are those of another epoch. */
    final ChangedEntries takeChanged() {
        ChangedEntries taken = changed;
        changed = new ChangedEntries(ledger);
        return taken;
    }

    // What the tables' kinds build on.

    /** Takes an entry out of the slots and whatever else leads to it, but for its expiry chain. */
    abstract void unlink(int entry);

    /** Removes an entry whose time has come just before all others are moved together. */
    abstract void dropBeforeCompaction(int entry);

    /** Leads to {@code moved} what has led to {@code entry}. */
    abstract void relink(int entry, int moved);

    /** Gives up what an entry holds beside its bytes. */
    void dropValue(int entry) {}

    /** The bytes that stand for an entry's value outside of the table. */
    RowView storedValue(int entry, RowView view) {
        return value(entry, view);
    }

    /** The entry behind another of the same key, or {@link #NONE}. */
    abstract int nextOfKey(int entry);

    /** Whether this is the first entry of its key. */
    abstract boolean isFirstOfKey(int entry);

    /** Adds an entry that is not there, whose value is given as {@link #storedValue}, and returns it. */
    abstract int addStored(RowView wholeKey, int subKeySizeBytes, RowView value, long expiryMicros);

    /**
     * Takes back what a snapshot has put.
     *
     * @param isNew whether the table cannot have it yet, and need not look
     */
    abstract void restorePut(SectionEntry put, boolean isNew);

    /** Makes room for so many more entries. Errors: STATE_MEMORY. */
    abstract void reserve(int count);

    /** Says that so many bytes of records are about to come, so that chunks are made whole and not grown; or 0. */
    void expect(long sizeBytes) {
        arena().expect(sizeBytes);
    }

    /** The entry of a whole key, or {@link #NONE}. */
    abstract int findWhole(RowView wholeKey, int subKeySizeBytes);

    /** Forgets all slots, and makes room for as many entries as are left. */
    abstract void restartIndex();

    /** Moves every entry that is left out of the arena before, which is given back. */
    abstract void moveAll(EntryArena before);

    final TableSnapshots snapshots() {
        return snapshots;
    }

    private void saveBefore(int entry) {
        TableFreeze freezing = freeze;
        if (freezing != null) {
            freezing.saveBefore(entry);
        }
    }

    private void change(int entry) {
        int epoch = ledger.epoch();
        if (stamp(entry) != epoch) {
            stamp(entry, epoch);
            changed.add(entry);
        }
    }

    /** Adds an entry whose value is all zero bytes; whatever leads to it comes after. Errors: STATE_MEMORY. */
    final int newEntry(int keySizeBytes, int valueSizeBytes, long expiryMicros) {
        if (expiryMicros != NEVER) {
            expiries.makeRoom();
        }
        int entry = allocate(entrySizeBytes(keySizeBytes, valueSizeBytes));
        header(entry, keySizeBytes, ledger.epoch(), expiryMicros);
        changed.add(entry);
        valueSizeBytes(entry, valueSizeBytes);
        if (expiryMicros != NEVER) {
            enqueue(entry, expiryMicros);
        }
        rowCount++;
        ledger.addRows(1);
        return entry;
    }

    /** Moves an entry to where it has room for a value of another size, with another expiry time. */
    private int relocate(int entry, int valueSizeBytes, long expiryMicros) {
        if (expiryMicros != NEVER) {
            expiries.makeRoom();
        }
        int moved = allocate(entrySizeBytes(keySizeBytes(entry), valueSizeBytes));
        saveBefore(entry);
        copy(entry, moved, Math.min(valueSizeBytes, valueSizeBytes(entry)));
        stamp(moved, ledger.epoch());
        changed.add(moved);
        dequeued(moved);
        expiryMicros(moved, expiryMicros);
        valueSizeBytes(moved, valueSizeBytes);
        enqueue(moved, expiryMicros);
        relink(entry, moved);
        dropBytes(entry);
        noteGarbage();
        return moved;
    }

    /** Puts an entry into a chain of the expiry queue, which has room. */
    final void enqueue(int entry, long expiryMicros) {
        int next = NONE;
        if (expiryMicros != NEVER) {
            int head = expiries.add(expiryMicros, entry);
            if (head != NONE) {
                next = nextInChain(head);
                nextInChain(head, entry);
            }
            queued(entry);
            ledger.noteExpiry(expiryMicros);
        }
        nextInChain(entry, next);
    }

    /** Says that an entry was taken out of its chain, and stands in none. */
    final void dequeued(int entry) {
        flag(entry, QUEUED, false);
    }

    /** Says that an entry stands in a chain. */
    final void queued(int entry) {
        flag(entry, QUEUED, true);
    }

    /** Says that a snapshot holds the entry as it is now, or is about to. */
    final void markStored(int entry) {
        flag(entry, STORED, true);
        flag(entry, EARLIER, false);
    }

    /** Says that the last snapshot has the entry as it is. */
    final void markRestored(int entry) {
        stampAndFlags(entry, StateLedger.BEFORE_ALL_EPOCHS, STORED, EARLIER);
        changed.remove(entry);
    }

    /** Removes an entry whose time has come, so that a snapshot need not name it. */
    final void removeExpired(int entry) {
        unlink(entry);
        markExpired(entry);
    }

    /** Drops an entry whose time has come, and to which nothing leads any more but its expiry chain. */
    final void markExpired(int entry) {
        saveBefore(entry);
        if (hasFlag(entry, STORED) && hasFlag(entry, EARLIER)) {
            snapshots.removed(wholeKey(entry, keyToRemove), subKeySizeBytes(entry));
        }
        drop(entry);
    }

    private void drop(int entry) {
        dropValue(entry);
        dropBytes(entry);
        rowCount--;
        ledger.addRows(-1);
    }

    private void dropBytes(int entry) {
        garbageBytes += entrySizeBytes(entry);
        changed.remove(entry);
        markRemoved(entry);
    }

    // Out of memory and back.

    /** Takes an entry out of memory that is about to be spilled, or is; what is frozen of it is written first. */
    final void dropSpilled(int entry) {
        unlink(entry);
        drop(entry);
    }

    /** Writes what is frozen of an entry that is about to be spilled. */
    final void saveBeforeSpilling(int entry) {
        saveBefore(entry);
    }

    /** Brings an entry back to memory that was spilled. Errors: STATE_MEMORY. */
    final void addLoaded(
            RowView wholeKey, int subKeySizeBytes, RowView value, long expiryMicros, int stamp, int flags) {
        int entry = addStored(wholeKey, subKeySizeBytes, value, expiryMicros);
        stamp(entry, stamp);
        flag(entry, flags | LOADED, true);
        if (stamp != ledger.epoch()) {
            changed.remove(entry);
            markStored(entry); // the snapshot of the epoch in which it changed has it
        }
    }

    /** The keys that are not in memory, which may be none yet. */
    final SpilledKeys spilledTo(SpillArea area, int keyGroup) {
        SpilledKeys outside = spilled;
        if (outside == null) {
            outside = new SpilledKeys(this, area, keyGroup);
            spilled = outside;
        }
        return outside;
    }

    /** The entries that are not in memory. */
    final long spilledRowCount() {
        SpilledKeys outside = spilled;
        return outside == null ? 0 : outside.rowCount();
    }

    // What removed entries take.

    /** Bytes that removed entries still take. */
    final long garbageBytes() {
        return garbageBytes;
    }

    private boolean hasMuchGarbage() {
        return garbageBytes > MAX_IDLE_GARBAGE_BYTES && garbageBytes > arena().usedBytes() / 2;
    }

    private void noteGarbage() {
        if (hasMuchGarbage()) {
            ledger.noteGarbage();
        }
    }

    /** Moves the entries together where removed ones take more than these. */
    final void boundGarbage() {
        if (hasMuchGarbage()) {
            compact();
        }
    }

    /** Moves the entries together where removed ones take a good part: memory is short. */
    final void giveGarbageBack() {
        if (garbageBytes > MAX_IDLE_GARBAGE_BYTES && garbageBytes > arena().usedBytes() / 4) {
            compact();
        }
    }

    /** Moves all entries that are left to a new arena, and builds slots and queue anew for them. */
    final void compact() {
        snapshots.finishInMemory();
        ledger.freeing(true);
        expiries.clear();
        changed.clear();
        restartIndex();
        EntryArena before = arena();
        arena(new EntryArena(ledger));
        if (rowCount > 0) {
            moveAll(before);
        }
        before.dropChunksBefore(NONE);
        garbageBytes = 0;
        if (spilled != null) {
            spilled.entriesMoved();
        }
        ledger.freeing(false);
    }

    /** Moves an entry out of the arena before; what leads to it comes after. */
    final int moveFrom(EntryArena before, int entry) {
        int moved = copyFrom(before, entry);
        if (stamp(moved) == ledger.epoch()) {
            changed.add(moved);
        }
        long expiryMicros = expiryMicros(moved);
        if (expiryMicros != NEVER) {
            expiries.makeRoom();
        } else {
            dequeued(moved);
        }
        enqueue(moved, expiryMicros);
        return moved;
    }

    static MillraceException corrupt(String fact) {
        return new MillraceException(
                ErrorCode.STATE_CORRUPT,
                "Cannot restore state: %s. Restart with the query that wrote it, or from an earlier epoch."
                        .formatted(fact));
    }
}
