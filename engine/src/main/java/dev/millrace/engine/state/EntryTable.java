package dev.millrace.engine.state;

import static dev.millrace.engine.state.KeyBytes.INT;
import static dev.millrace.engine.state.KeyBytes.LONG;

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
 * snapshot is being written, saves it first.
 *
 * <p>Layout of an entry, in units of 8 bytes:
 * <pre>
 *   0        4       8       12      16      24     24 + key   + tail   + value
 *   +--------+-------+-------+-------+-------+----------+--------+----------+
 *   |keySize | next  | epoch | mark  | expiry| key      | tail   | value    |
 *   |        | entry |       |       | micros| (padded) |        | (padded) |
 *   +--------+-------+-------+-------+-------+----------+--------+----------+
 * </pre>
 * {@code keySize} is negative once the entry was removed; {@code next} chains entries of one expiry
 * time; {@code mark} is a number that the operator may keep with an entry, and two flags. The tail
 * depends on the table: empty where all values have one size, else it starts with the value's size.
 *
 * <p>Thread: the owning task. Lifetime: addresses are valid until {@link KeyedState#reclaim}, {@link
 * KeyedState#expire}, {@link KeyedState#removeExpired} or {@link KeyedState#freeze}, but for an entry
 * that was replaced; arrays until the next entry is added too. Bounds: 24 bytes and the tail per entry,
 * and 11 to 21 for each slot of it; removed entries take at most as much memory as the others, or
 * {@link #MAX_IDLE_GARBAGE_BYTES}, once {@link KeyedState#reclaim} was called.
 */
public abstract sealed class EntryTable permits KeyedTable, GroupedTable {
    /** The address of no entry. */
    public static final int NONE = EntryArena.NONE;

    /** An expiry time that never comes. */
    public static final long NEVER = SectionEntry.NEVER;

    /** The largest number that {@link #changeMark} keeps. */
    public static final int MAX_CHANGE_MARK = (1 << 28) - 1;

    static final int MAX_IDLE_GARBAGE_BYTES = 1024;
    static final int HEADER_BYTES = 24;

    /** The value sizes of a table differ. */
    static final int ANY_SIZE = -1;

    /** Set in the mark of an entry that a snapshot may hold. */
    private static final int STORED = 1 << 31;

    /** Set in the mark of an entry that is in a chain of the expiry queue. */
    private static final int QUEUED = 1 << 30;

    /** Set in the mark of an entry that expires earlier than a snapshot may say. */
    private static final int EARLIER = 1 << 29;

    /** Set in the mark of an entry that came back to memory since the eviction last passed it. */
    private static final int LOADED = 1 << 28;

    final StateLedger ledger;
    final ExpiryQueue expiries;
    private final int tailBytes;
    private final int fixedValueBytes;
    private final TableSnapshots snapshots;
    private final RowView keyToRemove = new RowView();
    EntryArena arena;

    /** The arena's arrays once more: KeyedStateBenchmark, 1,000 keys in 200 key groups. */
    private byte[][] chunks;

    /** The snapshot that is being written, or null. */
    @Nullable
    TableFreeze freeze;

    /** The keys that are not in memory, or null while all are. */
    @Nullable
    SpilledKeys spilled;

    private int rowCount;
    private long garbageBytes;

    /**
     * @param tailBytes bytes between key and value; the first four are the value's size unless that is fixed
     * @param fixedValueBytes the size of every value, or {@link #ANY_SIZE}
     */
    EntryTable(StateLedger ledger, int keyGroup, int tailBytes, int fixedValueBytes) {
        this.ledger = ledger;
        this.tailBytes = tailBytes;
        this.fixedValueBytes = fixedValueBytes;
        this.snapshots = new TableSnapshots(this, keyGroup);
        this.expiries = new ExpiryQueue(ledger);
        this.arena = new EntryArena(ledger);
        this.chunks = arena.chunks();
    }

    /** The array that an entry lies in, not to be changed. */
    public final byte[] bytes(int entry) {
        return chunks[EntryArena.chunk(entry)];
    }

    /** Where an entry's value starts in its array. */
    public final int valueOffset(int entry) {
        return tailOffset(entry) + tailBytes;
    }

    /** The size of every value, or {@link #ANY_SIZE}. */
    final int fixedValueBytes() {
        return fixedValueBytes;
    }

    final int tailOffset(int entry) {
        int offset = EntryArena.offset(entry);
        return offset + HEADER_BYTES + padded(keySizeBytes(bytes(entry), offset));
    }

    public final int valueSizeBytes(int entry) {
        return valueSizeBytes(bytes(entry), EntryArena.offset(entry));
    }

    private int valueSizeBytes(byte[] bytes, int offset) {
        return fixedValueBytes != ANY_SIZE
                ? fixedValueBytes
                : (int) INT.get(bytes, offset + HEADER_BYTES + padded(keySizeBytes(bytes, offset)));
    }

    /** Points {@code view} at an entry's value. */
    public final RowView value(int entry, RowView view) {
        return view.pointTo(bytes(entry), valueOffset(entry), valueSizeBytes(entry));
    }

    /** Points {@code view} at an entry's key; where there is a sub-key, it is not part of that. */
    public final RowView key(int entry, RowView view) {
        byte[] bytes = bytes(entry);
        int offset = EntryArena.offset(entry);
        return view.pointTo(bytes, offset + HEADER_BYTES, keySizeBytes(bytes, offset) - subKeySizeBytes(entry));
    }

    /** Points {@code view} at an entry's key and sub-key. */
    final RowView wholeKey(int entry, RowView view) {
        byte[] bytes = bytes(entry);
        int offset = EntryArena.offset(entry);
        return view.pointTo(bytes, offset + HEADER_BYTES, keySizeBytes(bytes, offset));
    }

    /** How many of the last bytes of an entry's key are its sub-key. */
    abstract int subKeySizeBytes(int entry);

    public final long expiryMicros(int entry) {
        return (long) LONG.get(bytes(entry), EntryArena.offset(entry) + 16);
    }

    /** The number that the operator last kept with the entry; 0 in a new one. It is no part of the state. */
    public final int changeMark(int entry) {
        return (int) INT.get(bytes(entry), EntryArena.offset(entry) + 12) & MAX_CHANGE_MARK;
    }

    /** Keeps a number, up to {@link #MAX_CHANGE_MARK}. */
    public final void changeMark(int entry, int mark) {
        byte[] bytes = bytes(entry);
        int at = EntryArena.offset(entry) + 12;
        INT.set(bytes, at, ((int) INT.get(bytes, at) & ~MAX_CHANGE_MARK) | mark);
    }

    /** Announces that an entry's value is about to change in place, and gives the array that it lies in. */
    public final byte[] bytesToChange(int entry) {
        byte[] bytes = bytes(entry);
        saveBefore(entry);
        INT.set(bytes, EntryArena.offset(entry) + 8, ledger.epoch());
        return bytes;
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
        if (fixedValueBytes == ANY_SIZE) {
            INT.set(bytes, tailOffset(target), value.sizeBytes());
        }
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
        LONG.set(bytesToChange(entry), EntryArena.offset(entry) + 16, micros);
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

    /**
     * The first entry in the table's own order, or {@link #NONE}. Not of a state that is spillable: what
     * was spilled would be left out.
     */
    public final int firstEntry() {
        if (ledger.maySpill()) {
            throw new MillraceException(
                    ErrorCode.INVARIANT,
                    "Cannot walk over all entries of a state that may spill. Report this as a bug.");
        }
        return firstInMemory();
    }

    final int firstInMemory() {
        return firstLive(arena);
    }

    /** The entry behind another in the table's own order, or {@link #NONE}. */
    public final int nextEntry(int entry) {
        return nextLive(arena, entry);
    }

    /** The entries in memory. */
    public final int rowCount() {
        return rowCount;
    }

    /** The entries that are not in memory. */
    final long spilledRowCount() {
        SpilledKeys outside = spilled;
        return outside == null ? 0 : outside.rowCount();
    }

    // What the tables' kinds build on.

    /** Takes an entry out of the slots and whatever else leads to it, but for its expiry chain. */
    abstract void unlink(int entry);

    /** Removes an entry whose time has come just before all others are moved together. */
    abstract void dropBeforeCompaction(int entry);

    /** Leads to {@code moved} what has led to {@code entry}. */
    abstract void relink(int entry, int moved);

    final void saveBefore(int entry) {
        TableFreeze freezing = freeze;
        if (freezing != null) {
            freezing.saveBefore(entry);
        }
    }

    /** Gives up what an entry holds beside its bytes. */
    void dropValue(int entry) {}

    /** The bytes that stand for an entry's value in a snapshot. */
    RowView storedValue(int entry, RowView view) {
        return value(entry, view);
    }

    /** The entry behind another of the same key, or {@link #NONE}. */
    abstract int nextOfKey(int entry);

    /** Whether this is the first entry of its key. */
    abstract boolean isFirstOfKey(int entry);

    /** Adds an entry with what it had before it was spilled, and returns it. */
    abstract int addSpilled(RowView wholeKey, int subKeySizeBytes, RowView value, long expiryMicros);

    /** Takes back what a snapshot has put. */
    abstract void restorePut(SectionEntry put);

    /** The entry of a whole key, or {@link #NONE}. */
    abstract int findWhole(RowView wholeKey, int subKeySizeBytes);

    /** Forgets all slots, and makes room for as many entries as are left. */
    abstract void restartIndex();

    /** Moves every entry that is left out of the arena before, which is given back. */
    abstract void moveAll(EntryArena before);

    final TableSnapshots snapshots() {
        return snapshots;
    }

    /** Adds an entry whose value is all zero bytes; whatever leads to it comes after. Errors: STATE_MEMORY. */
    final int newEntry(int keySizeBytes, int valueSizeBytes, long expiryMicros) {
        if (expiryMicros != NEVER) {
            expiries.makeRoom();
        }
        int entry = allocate(entrySizeBytes(keySizeBytes, valueSizeBytes));
        byte[] bytes = bytes(entry);
        int offset = EntryArena.offset(entry);
        INT.set(bytes, offset, keySizeBytes);
        INT.set(bytes, offset + 8, ledger.epoch());
        LONG.set(bytes, offset + 16, expiryMicros);
        if (fixedValueBytes == ANY_SIZE) {
            INT.set(bytes, offset + HEADER_BYTES + padded(keySizeBytes), valueSizeBytes);
        }
        enqueue(entry, expiryMicros);
        rowCount++;
        ledger.addRows(1);
        return entry;
    }

    private int allocate(int sizeBytes) {
        int entry = arena.allocate(sizeBytes);
        chunks = arena.chunks();
        return entry;
    }

    /** Moves an entry to where it has room for a value of another size, with another expiry time. */
    private int relocate(int entry, int valueSizeBytes, long expiryMicros) {
        if (expiryMicros != NEVER) {
            expiries.makeRoom();
        }
        int keySizeBytes = keySizeBytes(bytes(entry), EntryArena.offset(entry));
        int moved = allocate(entrySizeBytes(keySizeBytes, valueSizeBytes));
        saveBefore(entry);
        int kept = HEADER_BYTES + padded(keySizeBytes) + tailBytes + Math.min(valueSizeBytes, valueSizeBytes(entry));
        copy(bytes(entry), entry, moved, kept);
        byte[] bytes = bytes(moved);
        int offset = EntryArena.offset(moved);
        INT.set(bytes, offset + 8, ledger.epoch());
        INT.set(bytes, offset + 12, (int) INT.get(bytes, offset + 12) & ~QUEUED);
        LONG.set(bytes, offset + 16, expiryMicros);
        if (fixedValueBytes == ANY_SIZE) {
            INT.set(bytes, offset + HEADER_BYTES + padded(keySizeBytes), valueSizeBytes);
        }
        enqueue(moved, expiryMicros);
        relink(entry, moved);
        dropBytes(entry);
        noteGarbage();
        return moved;
    }

    private void copy(byte[] from, int entry, int moved, int sizeBytes) {
        System.arraycopy(from, EntryArena.offset(entry), bytes(moved), EntryArena.offset(moved), sizeBytes);
    }

    /** Puts an entry into a chain of the expiry queue, which has room. */
    final void enqueue(int entry, long expiryMicros) {
        int next = NONE;
        if (expiryMicros != NEVER) {
            int head = expiries.add(expiryMicros, entry);
            if (head != NONE) {
                byte[] headBytes = bytes(head);
                int headOffset = EntryArena.offset(head);
                next = (int) INT.get(headBytes, headOffset + 4);
                INT.set(headBytes, headOffset + 4, entry);
            }
            flag(entry, QUEUED, true);
            ledger.noteExpiry(expiryMicros);
        }
        INT.set(bytes(entry), EntryArena.offset(entry) + 4, next);
    }

    final int nextInChain(int entry) {
        return (int) INT.get(bytes(entry), EntryArena.offset(entry) + 4);
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
        INT.set(bytes(entry), EntryArena.offset(entry) + 8, StateLedger.BEFORE_ALL_EPOCHS);
        markStored(entry);
    }

    /** The epoch in which an entry last changed. */
    final int stamp(int entry) {
        return (int) INT.get(bytes(entry), EntryArena.offset(entry) + 8);
    }

    private boolean hasFlag(int entry, int flag) {
        return ((int) INT.get(bytes(entry), EntryArena.offset(entry) + 12) & flag) != 0;
    }

    private void flag(int entry, int flag, boolean set) {
        byte[] bytes = bytes(entry);
        int at = EntryArena.offset(entry) + 12;
        int mark = (int) INT.get(bytes, at);
        INT.set(bytes, at, set ? mark | flag : mark & ~flag);
    }

    final int flags(int entry) {
        return (int) INT.get(bytes(entry), EntryArena.offset(entry) + 12) & (STORED | EARLIER);
    }

    /** Brings an entry back to memory that was spilled; the count of all rows stays as it is. */
    final void addLoaded(
            RowView wholeKey, int subKeySizeBytes, RowView value, long expiryMicros, int stamp, int flags) {
        int entry = addSpilled(wholeKey, subKeySizeBytes, value, expiryMicros);
        ledger.addRows(-1);
        INT.set(bytes(entry), EntryArena.offset(entry) + 8, stamp);
        flag(entry, flags | LOADED, true);
        if (stamp != ledger.epoch()) {
            markStored(entry); // the snapshot of the epoch in which it changed has it
        }
    }

    /** Puts keys out of memory, as {@link SpilledKeys#evict}, and gives their memory back. */
    final int evict(SpillArea area, int keyGroup, int limit, boolean changedToo) {
        SpilledKeys outside = spilled;
        if (outside == null) {
            outside = new SpilledKeys(this, area, keyGroup);
            spilled = outside;
        }
        int looked = outside.evict(limit, changedToo);
        giveGarbageBack();
        return looked;
    }

    /** Whether the eviction has come to the table's end. */
    final boolean isEvictionThrough() {
        SpilledKeys outside = spilled;
        return outside == null || outside.isEvictionThrough();
    }

    /** Whether an entry came back to memory since this was last asked. */
    final boolean takeLoaded(int entry) {
        boolean loaded = hasFlag(entry, LOADED);
        if (loaded) {
            flag(entry, LOADED, false);
        }
        return loaded;
    }

    /** Drops an entry that was spilled; the count of all rows stays as it is. */
    final void dropSpilled(int entry) {
        unlink(entry);
        drop(entry);
        ledger.addRows(1);
    }

    final boolean isRemoved(int entry) {
        return isRemoved(bytes(entry), EntryArena.offset(entry));
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
        byte[] bytes = bytes(entry);
        int offset = EntryArena.offset(entry);
        garbageBytes += entrySizeBytes(bytes, offset);
        INT.set(bytes, offset, ~keySizeBytes(bytes, offset));
    }

    /** Bytes that removed entries still take. */
    final long garbageBytes() {
        return garbageBytes;
    }

    private boolean hasMuchGarbage() {
        return garbageBytes > MAX_IDLE_GARBAGE_BYTES && garbageBytes > arena.usedBytes() / 2;
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
    private void giveGarbageBack() {
        if (garbageBytes > MAX_IDLE_GARBAGE_BYTES && garbageBytes > arena.usedBytes() / 4) {
            compact();
        }
    }

    /** Moves all entries that are left to a new arena, and builds slots and queue anew for them. */
    final void compact() {
        snapshots.finishInMemory();
        ledger.freeing(true);
        expiries.clear();
        restartIndex();
        EntryArena before = arena;
        arena = new EntryArena(ledger);
        chunks = arena.chunks();
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
        byte[] from = before.bytes(entry);
        int sizeBytes = entrySizeBytes(from, EntryArena.offset(entry));
        int moved = allocate(sizeBytes);
        copy(from, entry, moved, sizeBytes);
        long expiryMicros = expiryMicros(moved);
        if (expiryMicros != NEVER) {
            expiries.makeRoom();
        } else {
            dequeued(moved);
        }
        enqueue(moved, expiryMicros);
        return moved;
    }

    final int firstLive(EntryArena in) {
        return skipRemoved(in, in.first());
    }

    final int nextLive(EntryArena in, int entry) {
        return skipRemoved(in, in.next(entry, entrySizeBytes(in.bytes(entry), EntryArena.offset(entry))));
    }

    final int skipRemoved(EntryArena in, int entry) {
        int at = entry;
        while (at != NONE && isRemoved(in.bytes(at), EntryArena.offset(at))) {
            at = in.next(at, entrySizeBytes(in.bytes(at), EntryArena.offset(at)));
        }
        return at;
    }

    private int entrySizeBytes(byte[] bytes, int offset) {
        return entrySizeBytes(keySizeBytes(bytes, offset), valueSizeBytes(bytes, offset));
    }

    private int entrySizeBytes(int keySizeBytes, int valueSizeBytes) {
        return HEADER_BYTES + padded(keySizeBytes) + tailBytes + padded(valueSizeBytes);
    }

    private static boolean isRemoved(byte[] bytes, int offset) {
        return (int) INT.get(bytes, offset) < 0;
    }

    /** The size of an entry's key, also of a removed one. */
    static int keySizeBytes(byte[] bytes, int offset) {
        int sizeBytes = (int) INT.get(bytes, offset);
        return sizeBytes ^ (sizeBytes >> 31);
    }

    static int padded(int sizeBytes) {
        return (sizeBytes + 7) & ~7;
    }

    static MillraceException corrupt(String fact) {
        return new MillraceException(
                ErrorCode.STATE_CORRUPT,
                "Cannot restore state: %s. Restart with the query that wrote it, or from an earlier epoch."
                        .formatted(fact));
    }
}
