package dev.millrace.engine.state;

import static dev.millrace.engine.state.KeyBytes.INT;
import static dev.millrace.engine.state.KeyBytes.LONG;

import dev.millrace.engine.page.RowView;
import dev.millrace.engine.snapshot.SectionEntry;

/**
 * Where the parts of a table's entries lie, how they are read, and the walk from one entry to the next.
 * What happens to entries is {@link EntryTable}'s.
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
 * time; {@code mark} is a number that the operator may keep with an entry, and four flags. The tail
 * depends on the table: empty where all values have one size, else it starts with the value's size.
 *
 * <p>Thread: the owning task.
 */
abstract sealed class EntryLayout permits EntryTable {
    /** The address of no entry. */
    public static final int NONE = EntryArena.NONE;

    /** An expiry time that never comes. */
    public static final long NEVER = SectionEntry.NEVER;

    /** The largest number that {@link #changeMark} keeps. */
    public static final int MAX_CHANGE_MARK = (1 << 28) - 1;

    static final int HEADER_BYTES = 24;

    /** The value sizes of a table differ. */
    static final int ANY_SIZE = -1;

    /** Set in the mark of an entry that a snapshot may hold. */
    static final int STORED = 1 << 31;

    /** Set in the mark of an entry that is in a chain of the expiry queue. */
    static final int QUEUED = 1 << 30;

    /** Set in the mark of an entry that expires earlier than a snapshot may say. */
    static final int EARLIER = 1 << 29;

    /** Set in the mark of an entry that came back to memory since the eviction last passed it. */
    static final int LOADED = 1 << 28;

    private static final int NEXT_IN_CHAIN = 4;
    private static final int STAMP = 8;
    private static final int MARK = 12;
    private static final int EXPIRY = 16;

    private final int tailBytes;
    private final int fixedValueBytes;
    private EntryArena arena;

    /** The arena's arrays once more: KeyedStateBenchmark, 1,000 keys in 200 key groups. */
    private byte[][] chunks;

    /**
     * @param tailBytes bytes between key and value; the first four are the value's size unless that is fixed
     * @param fixedValueBytes the size of every value, or {@link #ANY_SIZE}
     */
    EntryLayout(EntryArena arena, int tailBytes, int fixedValueBytes) {
        this.arena = arena;
        this.chunks = arena.chunks();
        this.tailBytes = tailBytes;
        this.fixedValueBytes = fixedValueBytes;
    }

    final EntryArena arena() {
        return arena;
    }

    /** Goes on with another arena, which is empty. */
    final void arena(EntryArena next) {
        arena = next;
        chunks = next.chunks();
    }

    /** Makes room for an entry. Errors: STATE_MEMORY. */
    final int allocate(int sizeBytes) {
        int entry = arena.allocate(sizeBytes);
        chunks = arena.chunks();
        return entry;
    }

    /** The array that an entry lies in, not to be changed. */
    public final byte[] bytes(int entry) {
        return chunks[EntryArena.chunk(entry)];
    }

    // Key and value.

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

    /** Points {@code view} at an entry's value. */
    public final RowView value(int entry, RowView view) {
        return view.pointTo(bytes(entry), valueOffset(entry), valueSizeBytes(entry));
    }

    /** Where an entry's value starts in its array. */
    public final int valueOffset(int entry) {
        return tailOffset(entry) + tailBytes;
    }

    public final int valueSizeBytes(int entry) {
        return valueSizeBytes(bytes(entry), EntryArena.offset(entry));
    }

    private int valueSizeBytes(byte[] bytes, int offset) {
        return fixedValueBytes != ANY_SIZE
                ? fixedValueBytes
                : (int) INT.get(bytes, offset + HEADER_BYTES + padded(keySizeBytes(bytes, offset)));
    }

    /** Writes the size of an entry's value where sizes differ. */
    final void valueSizeBytes(int entry, int sizeBytes) {
        if (fixedValueBytes == ANY_SIZE) {
            INT.set(bytes(entry), tailOffset(entry), sizeBytes);
        }
    }

    /** The size of every value, or {@link #ANY_SIZE}. */
    final int fixedValueBytes() {
        return fixedValueBytes;
    }

    final int tailOffset(int entry) {
        int offset = EntryArena.offset(entry);
        return offset + HEADER_BYTES + padded(keySizeBytes(bytes(entry), offset));
    }

    // Header.

    /** The size of an entry's key with its sub-key, also of a removed one. */
    final int keySizeBytes(int entry) {
        return keySizeBytes(bytes(entry), EntryArena.offset(entry));
    }

    static int keySizeBytes(byte[] bytes, int offset) {
        int sizeBytes = (int) INT.get(bytes, offset);
        return sizeBytes ^ (sizeBytes >> 31);
    }

    /** Writes the header of a new entry, which is in no chain and has no mark, at once. */
    final void header(int entry, int keySizeBytes, int epoch, long expiryMicros) {
        byte[] bytes = bytes(entry);
        int offset = EntryArena.offset(entry);
        INT.set(bytes, offset, keySizeBytes);
        INT.set(bytes, offset + NEXT_IN_CHAIN, NONE);
        INT.set(bytes, offset + STAMP, epoch);
        LONG.set(bytes, offset + EXPIRY, expiryMicros);
    }

    /** Writes when an entry last changed, and sets and clears flags of it, at once. */
    final void stampAndFlags(int entry, int epoch, int flagsToSet, int flagsToClear) {
        byte[] bytes = bytes(entry);
        int offset = EntryArena.offset(entry);
        INT.set(bytes, offset + STAMP, epoch);
        INT.set(bytes, offset + MARK, ((int) INT.get(bytes, offset + MARK) | flagsToSet) & ~flagsToClear);
    }

    private void keySizeBytes(int entry, int sizeBytes) {
        INT.set(bytes(entry), EntryArena.offset(entry), sizeBytes);
    }

    final boolean isRemoved(int entry) {
        return isRemoved(bytes(entry), EntryArena.offset(entry));
    }

    private static boolean isRemoved(byte[] bytes, int offset) {
        return (int) INT.get(bytes, offset) < 0;
    }

    /** Says that an entry was removed. */
    final void markRemoved(int entry) {
        keySizeBytes(entry, ~keySizeBytes(entry));
    }

    public final long expiryMicros(int entry) {
        return (long) LONG.get(bytes(entry), EntryArena.offset(entry) + EXPIRY);
    }

    final void expiryMicros(int entry, long micros) {
        LONG.set(bytes(entry), EntryArena.offset(entry) + EXPIRY, micros);
    }

    final int nextInChain(int entry) {
        return (int) INT.get(bytes(entry), EntryArena.offset(entry) + NEXT_IN_CHAIN);
    }

    final void nextInChain(int entry, int next) {
        INT.set(bytes(entry), EntryArena.offset(entry) + NEXT_IN_CHAIN, next);
    }

    /** The epoch in which an entry last changed. */
    final int stamp(int entry) {
        return (int) INT.get(bytes(entry), EntryArena.offset(entry) + STAMP);
    }

    final void stamp(int entry, int epoch) {
        INT.set(bytes(entry), EntryArena.offset(entry) + STAMP, epoch);
    }

    /** The number that the operator last kept with the entry; 0 in a new one. It is no part of the state. */
    public final int changeMark(int entry) {
        return (int) INT.get(bytes(entry), EntryArena.offset(entry) + MARK) & MAX_CHANGE_MARK;
    }

    /** Keeps a number, up to {@link #MAX_CHANGE_MARK}. */
    public final void changeMark(int entry, int mark) {
        byte[] bytes = bytes(entry);
        int at = EntryArena.offset(entry) + MARK;
        INT.set(bytes, at, ((int) INT.get(bytes, at) & ~MAX_CHANGE_MARK) | mark);
    }

    /** Those of some flags that are set. */
    final int flags(int entry, int wanted) {
        return (int) INT.get(bytes(entry), EntryArena.offset(entry) + MARK) & wanted;
    }

    final boolean hasFlag(int entry, int flag) {
        return flags(entry, flag) != 0;
    }

    final void flag(int entry, int flags, boolean set) {
        byte[] bytes = bytes(entry);
        int at = EntryArena.offset(entry) + MARK;
        int mark = (int) INT.get(bytes, at);
        INT.set(bytes, at, set ? mark | flags : mark & ~flags);
    }

    // Sizes, copies and the walk.

    final int entrySizeBytes(int entry) {
        return entrySizeBytes(bytes(entry), EntryArena.offset(entry));
    }

    private int entrySizeBytes(byte[] bytes, int offset) {
        return entrySizeBytes(keySizeBytes(bytes, offset), valueSizeBytes(bytes, offset));
    }

    final int entrySizeBytes(int keySizeBytes, int valueSizeBytes) {
        return HEADER_BYTES + padded(keySizeBytes) + tailBytes + padded(valueSizeBytes);
    }

    /** Copies an entry's header, key, tail and so much of its value to another place in this arena. */
    final void copy(int entry, int moved, int valueSizeBytes) {
        int sizeBytes = HEADER_BYTES + padded(keySizeBytes(entry)) + tailBytes + valueSizeBytes;
        copy(bytes(entry), entry, moved, sizeBytes);
    }

    /** Copies a whole entry of another arena to the end of this one, and returns where it is. */
    final int copyFrom(EntryArena before, int entry) {
        byte[] from = before.bytes(entry);
        int sizeBytes = entrySizeBytes(from, EntryArena.offset(entry));
        int moved = allocate(sizeBytes);
        copy(from, entry, moved, sizeBytes);
        return moved;
    }

    private void copy(byte[] from, int entry, int moved, int sizeBytes) {
        System.arraycopy(from, EntryArena.offset(entry), bytes(moved), EntryArena.offset(moved), sizeBytes);
    }

    /** The first entry in memory in the table's own order, or {@link #NONE}. */
    public final int firstEntry() {
        return firstLive(arena);
    }

    /** The entry in memory behind another in the table's own order, or {@link #NONE}. */
    public final int nextEntry(int entry) {
        return nextLive(arena, entry);
    }

    final int firstLive(EntryArena in) {
        return skipRemoved(in, in.first());
    }

    final int nextLive(EntryArena in, int entry) {
        return skipRemoved(in, in.next(entry, entrySizeBytes(in.bytes(entry), EntryArena.offset(entry))));
    }

    /** An entry that was there, or the first behind it that still is. */
    final int skipRemoved(int entry) {
        return skipRemoved(arena, entry);
    }

    private int skipRemoved(EntryArena in, int entry) {
        int at = entry;
        while (at != NONE && isRemoved(in.bytes(at), EntryArena.offset(at))) {
            at = in.next(at, entrySizeBytes(in.bytes(at), EntryArena.offset(at)));
        }
        return at;
    }

    static int padded(int sizeBytes) {
        return (sizeBytes + 7) & ~7;
    }
}
