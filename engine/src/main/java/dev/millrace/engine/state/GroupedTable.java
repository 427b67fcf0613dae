package dev.millrace.engine.state;

import static dev.millrace.engine.state.KeyBytes.INT;

import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.engine.page.RowView;
import dev.millrace.engine.snapshot.SectionEntry;
import java.nio.ByteBuffer;

/**
 * A table with several entries under one key, told apart by a sub-key and chained in an order. Either
 * the operator names the sub-keys ({@link KeyedState#ofGroups}: a user's map, timers), or the table
 * numbers the entries of a key as they are appended ({@link KeyedState#ofLists}: a user's list, the rows
 * of a join key). Lists keep their order for good; groups are in the order of adding until they are
 * restored, then in any.
 *
 * <p>All hashes are {@link KeyBytes#hash} of the key alone.
 *
 * <pre>{@code
 * for (int entry = table.first(hash, key); entry != NONE; entry = next) {
 *     next = table.next(entry); // before the entry may be removed
 *     ...
 * }
 * }</pre>
 *
 * <p>Timers are entries of a group with the time as sub-key and as expiry: {@link KeyedState#expire}
 * gives those that are due.
 *
 * <p>Layout: as {@link EntryTable}, the key being the key with the sub-key behind it; the tail:
 * <pre>
 *   0           4            8      12         16
 *   +-----------+------------+------+----------+
 *   | valueSize | subKeySize | next | previous |
 *   +-----------+------------+------+----------+
 * </pre>
 * {@code previous} of a key's first entry is its last; {@code subKeySize} of that entry is negative while its chain
 * is not in the order of its numbers.
 *
 * <p>Thread: the owning task.
 */
public final class GroupedTable extends EntryTable {
    private static final int TAIL_BYTES = 16;
    private static final int SUB_KEY_SIZE = 4;
    private static final int NEXT = 8;
    private static final int PREVIOUS = 12;
    private static final int SUB_KEY_MULTIPLIER = 0x9E3779B1;

    private final boolean numbered;
    private final SlotIndex index;

    /** Where the first entry of each key is. */
    private final SlotIndex firsts;

    private final RowView view = new RowView();
    private final RowView otherView = new RowView();
    private final RowView restoredKey = new RowView();
    private final RowView restoredSubKey = new RowView();
    private final byte[] number = new byte[Long.BYTES];
    private final RowView numberView = new RowView().pointTo(number, 0, Long.BYTES);
    private int keyCount;

    /** @param numbered whether sub-keys are numbers that the table gives, in whose order entries are kept */
    GroupedTable(StateLedger ledger, int keyGroup, boolean numbered) {
        super(ledger, keyGroup, TAIL_BYTES, ANY_SIZE);
        this.numbered = numbered;
        this.index = new SlotIndex(ledger);
        this.firsts = new SlotIndex(ledger);
    }

    /** The first entry of a key, or {@link #NONE}. */
    public int first(int hash, RowView key) {
        int first = anyOrderFirst(hash, key);
        if (first == NONE || !isDisordered(first)) {
            return first;
        }
        int ordered = new ChainOrder(this).order(first);
        firsts.replace(hash, first, ordered);
        return ordered;
    }

    /** The first entry of a key as its chain is, which may be in disorder. */
    private int anyOrderFirst(int hash, RowView key) {
        int first = firstInMemory(hash, key);
        SpilledKeys outside = spilled;
        if (first == NONE && outside != null && outside.load(key.bytes(), key.offset(), key.sizeBytes())) {
            return firstInMemory(hash, key);
        }
        return first;
    }

    private int firstInMemory(int hash, RowView key) {
        long[] slots = firsts.slots();
        int mask = slots.length - 1;
        for (int at = hash & mask; slots[at] != 0; at = (at + 1) & mask) {
            if (SlotIndex.hash(slots[at]) == hash) {
                int entry = SlotIndex.address(slots[at]);
                RowView found = key(entry, view);
                if (equal(found, key)) {
                    return entry;
                }
            }
        }
        return NONE;
    }

    /** The entry behind another of the same key, or {@link #NONE}. */
    public int next(int entry) {
        return link(entry, NEXT);
    }

    /** The last entry of the key whose first one this is. */
    public int last(int first) {
        return link(first, PREVIOUS);
    }

    /** The entry of a key with a sub-key, or {@link #NONE}. */
    public int find(int hash, RowView key, RowView subKey) {
        if (spilled != null && anyOrderFirst(hash, key) == NONE) {
            return NONE; // neither here nor outside
        }
        int wholeHash = wholeHash(hash, subKey.bytes(), subKey.offset(), subKey.sizeBytes());
        long[] slots = index.slots();
        int mask = slots.length - 1;
        for (int at = wholeHash & mask; slots[at] != 0; at = (at + 1) & mask) {
            if (SlotIndex.hash(slots[at]) == wholeHash && is(SlotIndex.address(slots[at]), key, subKey)) {
                return SlotIndex.address(slots[at]);
            }
        }
        return NONE;
    }

    private boolean is(int entry, RowView key, RowView subKey) {
        return equal(key(entry, view), key) && equal(subKey(entry, view), subKey);
    }

    private static boolean equal(RowView left, RowView right) {
        return left.sizeBytes() == right.sizeBytes()
                && KeyBytes.equal(left.bytes(), left.offset(), right.bytes(), right.offset(), left.sizeBytes());
    }

    /** Points {@code view} at an entry's sub-key. */
    public RowView subKey(int entry, RowView view) {
        RowView whole = wholeKey(entry, view);
        int sizeBytes = subKeySizeBytes(entry);
        return view.pointTo(whole.bytes(), whole.offset() + whole.sizeBytes() - sizeBytes, sizeBytes);
    }

    /**
     * Adds an entry behind the last one of a key, in a table that numbers its entries.
     *
     * <p>Errors: STATE_MEMORY; then the table is as before.
     */
    public int append(int hash, RowView key, RowView value, long expiryMicros) {
        if (!numbered) {
            throw new MillraceException(
                    ErrorCode.INVARIANT,
                    "Cannot append to a group: its sub-keys are no numbers. Report this as a bug.");
        }
        int first = first(hash, key);
        long next = first == NONE ? 0 : number(last(first)) + 1;
        ByteBuffer.wrap(number).putLong(0, next);
        return add(hash, key, numberView, value, expiryMicros);
    }

    /** The number of an entry, in a table that numbers them. */
    long number(int entry) {
        RowView subKey = subKey(entry, view);
        return ByteBuffer.wrap(subKey.bytes(), subKey.offset(), Long.BYTES).getLong();
    }

    /**
     * Adds an entry with a sub-key that the key does not have yet.
     *
     * <p>Errors: STATE_MEMORY; then the table is as before.
     */
    public int add(int hash, RowView key, RowView subKey, RowView value, long expiryMicros) {
        if (spilled != null) {
            int unused = anyOrderFirst(hash, key); // brings the key's other entries back before
        }
        index.makeRoom(rowCount());
        firsts.makeRoom(keyCount);
        int entry = newEntry(key.sizeBytes() + subKey.sizeBytes(), value.sizeBytes(), expiryMicros);
        byte[] bytes = bytes(entry);
        int keyOffset = EntryArena.offset(entry) + HEADER_BYTES;
        System.arraycopy(key.bytes(), key.offset(), bytes, keyOffset, key.sizeBytes());
        System.arraycopy(subKey.bytes(), subKey.offset(), bytes, keyOffset + key.sizeBytes(), subKey.sizeBytes());
        INT.set(bytes, tailOffset(entry) + SUB_KEY_SIZE, subKey.sizeBytes());
        System.arraycopy(value.bytes(), value.offset(), bytes, valueOffset(entry), value.sizeBytes());
        index.insert(wholeHash(hash, subKey.bytes(), subKey.offset(), subKey.sizeBytes()), entry);
        chain(hash, entry);
        return entry;
    }

    /** Removes all entries of a key, and returns how many they were. */
    public int removeAll(int hash, RowView key) {
        int count = 0;
        int next;
        for (int entry = first(hash, key); entry != NONE; entry = next) {
            next = next(entry);
            remove(entry);
            count++;
        }
        return count;
    }

    /** How many keys have entries. */
    public int keyCount() {
        return keyCount;
    }

    /**
     * Puts a new entry at the end of its key's chain. Appended entries are in their order so; restored ones come in
     * any, and are brought into it when somebody asks for the first.
     */
    private void chain(int hash, int entry) {
        int first = firstInMemory(hash, key(entry, otherView));
        if (first == NONE) {
            firsts.insert(hash, entry);
            keyCount++;
            link(entry, PREVIOUS, entry);
        } else {
            int before = last(first);
            link(entry, PREVIOUS, before);
            link(before, NEXT, entry);
            link(first, PREVIOUS, entry);
            if (numbered && number(before) > number(entry)) {
                disordered(first, true);
            }
        }
        link(entry, NEXT, NONE);
    }

    /** Says, with a chain's first entry, whether the chain is in another order than that of its numbers. */
    private void disordered(int first, boolean is) {
        int sizeBytes = subKeySizeBytes(first);
        INT.set(bytes(first), tailOffset(first) + SUB_KEY_SIZE, is ? ~sizeBytes : sizeBytes);
    }

    private boolean isDisordered(int first) {
        return (int) INT.get(bytes(first), tailOffset(first) + SUB_KEY_SIZE) < 0;
    }

    /** Chains one entry of a key behind another, in a chain that is being put in order. */
    void follow(int before, int entry) {
        link(before, NEXT, entry);
        if (entry != NONE) {
            link(entry, PREVIOUS, before);
        }
    }

    /** A chain is in order, from its first entry to its last. */
    void ordered(int disorderedFirst, int first, int last) {
        disordered(disorderedFirst, false);
        link(first, PREVIOUS, last);
    }

    @Override
    int nextOfKey(int entry) {
        return next(entry);
    }

    @Override
    boolean isFirstOfKey(int entry) {
        return next(link(entry, PREVIOUS)) == NONE;
    }

    @Override
    int addStored(RowView wholeKey, int subKeySizeBytes, RowView value, long expiryMicros) {
        int keySizeBytes = wholeKey.sizeBytes() - subKeySizeBytes;
        RowView key = new RowView().pointTo(wholeKey.bytes(), wholeKey.offset(), keySizeBytes);
        RowView subKey = new RowView().pointTo(wholeKey.bytes(), wholeKey.offset() + keySizeBytes, subKeySizeBytes);
        return add(KeyBytes.hash(key.bytes(), key.offset(), keySizeBytes), key, subKey, value, expiryMicros);
    }

    @Override
    void unlink(int entry) {
        int hash = hashOf(entry);
        index.remove(wholeHashOf(hash, entry), entry);
        int previous = link(entry, PREVIOUS);
        int next = next(entry);
        boolean isFirst = next(previous) == NONE;
        if (isFirst && next == NONE) {
            firsts.remove(hash, entry);
            keyCount--;
        } else if (isFirst) {
            firsts.replace(hash, entry, next);
            link(next, PREVIOUS, previous);
            disordered(next, isDisordered(entry));
        } else {
            link(next == NONE ? firstOf(hash, entry) : next, PREVIOUS, previous);
            link(previous, NEXT, next);
        }
    }

    @Override
    void dropBeforeCompaction(int entry) {
        removeExpired(entry); // the chains have to be right while entries move
    }

    @Override
    void relink(int entry, int moved) {
        int hash = hashOf(entry);
        index.replace(wholeHashOf(hash, entry), entry, moved);
        int previous = link(entry, PREVIOUS);
        int next = next(entry);
        boolean isFirst = next(previous) == NONE;
        if (isFirst) {
            firsts.replace(hash, entry, moved);
        } else {
            link(previous, NEXT, moved);
        }
        if (next != NONE) {
            link(next, PREVIOUS, moved);
        } else {
            link(isFirst ? moved : firstOf(hash, entry), PREVIOUS, moved);
        }
    }

    private int firstOf(int hash, int entry) {
        return firstInMemory(hash, key(entry, otherView));
    }

    private int link(int entry, int which) {
        return (int) INT.get(bytes(entry), tailOffset(entry) + which);
    }

    private void link(int entry, int which, int to) {
        INT.set(bytes(entry), tailOffset(entry) + which, to);
    }

    @Override
    int subKeySizeBytes(int entry) {
        int sizeBytes = (int) INT.get(bytes(entry), tailOffset(entry) + SUB_KEY_SIZE);
        return sizeBytes ^ (sizeBytes >> 31);
    }

    private int hashOf(int entry) {
        RowView key = key(entry, view);
        return KeyBytes.hash(key.bytes(), key.offset(), key.sizeBytes());
    }

    private int wholeHashOf(int hash, int entry) {
        RowView subKey = subKey(entry, view);
        return wholeHash(hash, subKey.bytes(), subKey.offset(), subKey.sizeBytes());
    }

    private static int wholeHash(int hash, byte[] subKey, int offset, int sizeBytes) {
        int mixed = (hash ^ KeyBytes.hash(subKey, offset, sizeBytes)) * SUB_KEY_MULTIPLIER;
        return mixed ^ (mixed >>> 16);
    }

    @Override
    int findWhole(RowView wholeKey, int subKeySizeBytes) {
        int hash = split(wholeKey, subKeySizeBytes);
        return find(hash, restoredKey, restoredSubKey);
    }

    /** Points the views for restoring at a whole key's two parts, and returns the key's hash. */
    private int split(RowView wholeKey, int subKeySizeBytes) {
        if (numbered && subKeySizeBytes != Long.BYTES) {
            throw corrupt("an entry of a list has a number of sizeBytes=%d, expected 8".formatted(subKeySizeBytes));
        }
        int keySizeBytes = wholeKey.sizeBytes() - subKeySizeBytes;
        restoredKey.pointTo(wholeKey.bytes(), wholeKey.offset(), keySizeBytes);
        restoredSubKey.pointTo(wholeKey.bytes(), wholeKey.offset() + keySizeBytes, subKeySizeBytes);
        return KeyBytes.hash(wholeKey.bytes(), wholeKey.offset(), keySizeBytes);
    }

    @Override
    void reserve(int count) {
        index.reserve((long) rowCount() + count);
    }

    @Override
    void restorePut(SectionEntry put, boolean isNew) {
        int hash = split(put.key(), put.subKeySizeBytes());
        int entry = isNew ? NONE : find(hash, restoredKey, restoredSubKey);
        if (entry == NONE) {
            entry = add(hash, restoredKey, restoredSubKey, put.value(), put.expiryMicros());
        } else {
            entry = replace(changeExpiry(entry, put.expiryMicros()), put.value());
        }
        markRestored(entry);
        boundGarbage();
    }

    @Override
    void restartIndex() {
        index.restart(rowCount());
        firsts.restart(keyCount);
        keyCount = 0;
    }

    /** Moves key by key, so that a key's entries lie one behind the other. */
    @Override
    void moveAll(EntryArena before) {
        // The links lead through the old arena, so that it stays until all have moved.
        for (int entry = firstLive(before); entry != NONE; entry = nextLive(before, entry)) {
            if (link(before, link(before, entry, PREVIOUS), NEXT) == NONE) {
                moveKey(before, entry);
            }
        }
    }

    private void moveKey(EntryArena before, int first) {
        int movedFirst = NONE;
        int movedLast = NONE;
        for (int entry = first; entry != NONE; entry = link(before, entry, NEXT)) {
            int moved = moveFrom(before, entry);
            int hash = hashOf(moved);
            index.insert(wholeHashOf(hash, moved), moved);
            link(moved, NEXT, NONE);
            if (movedFirst == NONE) {
                movedFirst = moved;
                firsts.insert(hash, moved);
                keyCount++;
            } else {
                link(movedLast, NEXT, moved);
                link(moved, PREVIOUS, movedLast);
            }
            movedLast = moved;
        }
        link(movedFirst, PREVIOUS, movedLast);
    }

    private static int link(EntryArena in, int entry, int which) {
        byte[] bytes = in.bytes(entry);
        int offset = EntryArena.offset(entry);
        return (int) INT.get(bytes, offset + HEADER_BYTES + padded(keySizeBytes(bytes, offset)) + which);
    }
}
