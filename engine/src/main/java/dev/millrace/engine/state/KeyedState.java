package dev.millrace.engine.state;

import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.engine.metrics.StateSize;
import dev.millrace.engine.snapshot.FrozenState;
import dev.millrace.engine.snapshot.OperatorId;
import dev.millrace.engine.snapshot.Section;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * One keyed state of an operator in one task: a table per key group, made when its first row comes. An
 * operator may have several states, numbered the same in every run.
 *
 * <p>How an operator uses it:
 * <ul>
 *   <li>at rows: {@link #table}, then the table's own methods; {@link #reclaim} at the end of a page;
 *   <li>at a watermark, or when a timer is due: {@link #expire} or {@link #removeExpired} until it is
 *       true; no barrier may come between;
 *   <li>at a barrier: {@link #freeze};
 *   <li>at a start: {@link #restore} for each section of a key group, before any row.
 * </ul>
 *
 * <p>Where the budget says so, entries are put out of memory when it is short, to local disk, and come
 * back when they are looked for or expire. What removes, adds and finds entries does not show it; a walk
 * over all of them is a {@link KeyedWalk}.
 *
 * <p>Thread: the owning task. Bounds: the memory budget, from which all tables reserve.
 *
 * @param <T> {@link KeyedTable} for one entry per key, {@link GroupedTable} for several
 */
public final class KeyedState<T extends EntryTable> implements AutoCloseable {
    /** What a table takes before its first entry, with its queue, arena and snapshots. */
    private static final int EMPTY_TABLE_BYTES = 512;

    /** After so many bytes a restore looks whether memory is short. */
    private static final int RESTORED_AT_ONCE_BYTES = 16 * 1024;

    /** Makes the table of a key group. */
    @FunctionalInterface
    private interface TableMaker<T> {
        T make(StateLedger ledger, int keyGroup);
    }

    private final StateLedger ledger;
    private final TableMaker<T> maker;
    private final @Nullable EntryTable[] tables;
    private @Nullable FrozenTables frozen;
    private final @Nullable Eviction eviction;
    private long restoredBytes;

    /** Where the walk over expired entries goes on. */
    private int expiringKeyGroup;

    private long expiringMicros;

    private KeyedState(int keyGroupCount, MemoryBudget budget, TableMaker<T> maker) {
        this.ledger = new StateLedger(budget);
        this.maker = maker;
        this.tables = new EntryTable[keyGroupCount];
        SpillStore store = budget.spill();
        this.eviction = store == null ? null : new Eviction(tables, ledger, store);
    }

    /** One value per key: bytes, all of one size, changed where they lie. */
    public static KeyedState<KeyedTable> ofBytes(int keyGroupCount, int valueSizeBytes, MemoryBudget budget) {
        return new KeyedState<>(
                keyGroupCount, budget, (ledger, keyGroup) -> KeyedTable.ofBytes(ledger, keyGroup, valueSizeBytes));
    }

    /** One value per key: bytes of any size, also none. */
    public static KeyedState<KeyedTable> ofValues(int keyGroupCount, MemoryBudget budget) {
        return new KeyedState<>(keyGroupCount, budget, KeyedTable::ofValues);
    }

    /** One value per key: a hot object, which becomes bytes in a snapshot only. */
    public static KeyedState<KeyedTable> ofObjects(int keyGroupCount, ObjectValues values, MemoryBudget budget) {
        return new KeyedState<>(
                keyGroupCount, budget, (ledger, keyGroup) -> KeyedTable.ofObjects(ledger, keyGroup, values));
    }

    /** Several values per key, each with a sub-key that the operator names. */
    public static KeyedState<GroupedTable> ofGroups(int keyGroupCount, MemoryBudget budget) {
        return new KeyedState<>(keyGroupCount, budget, (ledger, keyGroup) -> new GroupedTable(ledger, keyGroup, false));
    }

    /** Several values per key, in the order in which they are appended. */
    public static KeyedState<GroupedTable> ofLists(int keyGroupCount, MemoryBudget budget) {
        return new KeyedState<>(keyGroupCount, budget, (ledger, keyGroup) -> new GroupedTable(ledger, keyGroup, true));
    }

    /** The table of a key group. Errors: STATE_MEMORY when it has to be made and there is no room. */
    @SuppressWarnings("unchecked")
    public T table(int keyGroup) {
        EntryTable table = tables[keyGroup];
        return table == null ? newTable(keyGroup) : (T) table;
    }

    private T newTable(int keyGroup) {
        ledger.take(EMPTY_TABLE_BYTES);
        T table = maker.make(ledger, keyGroup);
        tables[keyGroup] = table;
        return table;
    }

    /** The table of a key group that has had a row, or null. */
    @SuppressWarnings("unchecked")
    public @Nullable T existingTable(int keyGroup) {
        return (T) tables[keyGroup];
    }

    public int keyGroupCount() {
        return tables.length;
    }

    /**
     * Moves entries together where removed ones take too much, and makes room where memory is short;
     * hardly anything otherwise. To be called after each page, while no address is held.
     */
    public void reclaim() {
        if (ledger.takeGarbageNote()) {
            for (EntryTable table : tables) {
                if (table != null) {
                    table.boundGarbage();
                }
            }
        }
        Eviction evicting = eviction;
        if (evicting != null) {
            evicting.makeRoom();
        }
    }

    /**
     * Removes entries whose expiry time is at or before the watermark. True when all are removed; false
     * after a good number of them: call again, before rows and before a barrier.
     */
    public boolean removeExpired(long watermarkMicros, int limit) {
        if (!startExpiring(watermarkMicros)) {
            return true;
        }
        long lastMicros = Math.min(watermarkMicros, EntryTable.NEVER - 1);
        int left = limit;
        while (expiringKeyGroup < tables.length) {
            if (left <= 0) {
                return false;
            }
            EntryTable table = tables[expiringKeyGroup];
            if (table != null && table.earliestExpiryMicros() <= lastMicros) {
                int removed = ExpiryWalk.removeSome(table, lastMicros);
                boolean all = table.earliestExpiryMicros() > lastMicros;
                if (removed > 0 || all && table.snapshots().isExpiring()) {
                    table.snapshots().expired(lastMicros, all);
                }
                left -= removed;
            } else {
                expiringKeyGroup++;
            }
        }
        endExpiring();
        return true;
    }

    /**
     * Shows the entries whose expiry time is at or before {@code micros} to a visitor, key group by key
     * group and within one in the order of their times, and removes each that it has seen.
     *
     * <p>True when all are through; false after {@code limit} of them, or when the visitor stopped: then
     * call again, with the same time. The snapshot does not name what is removed so, but says up to when
     * all has expired; hence no barrier may come between, and what is removed for another reason than
     * its time, or may be before the next barrier is through, the visitor removes itself, with {@link
     * EntryTable#remove}.
     */
    public boolean expire(long micros, int limit, ExpiryVisitor<? super T> visitor) {
        if (!startExpiring(micros)) {
            return true;
        }
        int left = limit;
        while (expiringKeyGroup < tables.length) {
            T table = existingTable(expiringKeyGroup);
            if (table != null && table.earliestExpiryMicros() <= micros) {
                ExpiryWalk<T> walk = new ExpiryWalk<>(table, expiringKeyGroup, micros, left, visitor);
                if (!walk.run()) {
                    return false;
                }
                left = walk.visitsLeft();
            }
            expiringKeyGroup++;
        }
        endExpiring();
        return true;
    }

    /** False when nothing expires up to that time; goes on where a call with the same time stopped. */
    private boolean startExpiring(long micros) {
        if (micros != expiringMicros) {
            expiringMicros = micros;
            expiringKeyGroup = 0;
        }
        return expiringKeyGroup > 0 || micros >= ledger.earliestExpiryMicros();
    }

    private void endExpiring() {
        expiringKeyGroup = 0;
        long earliestMicros = Long.MAX_VALUE;
        for (EntryTable table : tables) {
            if (table != null) {
                earliestMicros = Math.min(earliestMicros, table.earliestExpiryMicros());
            }
        }
        ledger.earliestExpiryMicros(earliestMicros);
    }

    /** A time before which no entry expires; when to {@link #expire} at the earliest. */
    public long earliestExpiryMicros() {
        return ledger.earliestExpiryMicros();
    }

    /**
     * Freezes all entries as they are, for a snapshot that is then written in slices while the state goes
     * on. What an earlier snapshot still has to write is written first.
     *
     * @param stateIndex which of the operator's states this is
     */
    public FrozenState freeze(OperatorId operator, int stateIndex) {
        FrozenTables before = frozen;
        if (before != null) {
            before.finish();
        }
        reclaim();
        int ended = ledger.epoch();
        boolean spilledChanges = ledger.takeSpilledChangeNote();
        FrozenTables now = new FrozenTables(operator, stateIndex, tables, ended, spillArea(), spilledChanges);
        ledger.epoch(ended + 1);
        frozen = now;
        return now;
    }

    /**
     * Takes a key group's section back; those of a key group in their order.
     *
     * <p>Errors: STATE_CORRUPT, STATE_MEMORY.
     */
    public void restore(Section section) throws Exception {
        int keyGroup = section.key().keyGroup();
        if (keyGroup < 0 || keyGroup >= tables.length) {
            throw new MillraceException(
                    ErrorCode.STATE_CORRUPT,
                    "Cannot restore state: keyGroup=%d, keyGroups=%d. Restart from an earlier epoch or a new checkpoint."
                            .formatted(keyGroup, tables.length));
        }
        table(keyGroup).snapshots().restore(section, entry -> {
            restoredBytes += entry.key().sizeBytes() + entry.value().sizeBytes();
            if (restoredBytes > RESTORED_AT_ONCE_BYTES) {
                restoredBytes = 0;
                reclaim();
            }
        });
    }

    /** Where spilled entries are, or null while none ever was. */
    @Nullable
    SpillArea spillArea() {
        return eviction == null ? null : eviction.area();
    }

    /** The stamp of what changes now. */
    int epoch() {
        return ledger.epoch();
    }

    /** Whether the memory is so short that {@link #reclaim} would put entries out of it. */
    public boolean isMemoryShort() {
        return eviction != null && ledger.budget().isNearlyUsed();
    }

    /** Whether {@link #reclaim} should not wait for the end of the page, but come as soon as no address is held. */
    public boolean isMemoryAlmostUsed() {
        return eviction != null && ledger.budget().isAlmostUsed();
    }

    /** All entries, those that are not in memory included. */
    public long rowCount() {
        return ledger.rowCount() + ledger.spilledRowCount();
    }

    public StateSize size() {
        return new StateSize(rowCount(), sizeBytes(), ledger.spilledRowCount(), ledger.spilledBytes());
    }

    /** The memory that all tables take, garbage and room to grow included. */
    public long sizeBytes() {
        return ledger.usedBytes();
    }

    /** Forgets all state and gives its memory back. */
    @Override
    public void close() {
        if (frozen != null) {
            frozen.close();
        }
        if (eviction != null) {
            eviction.close();
        }
        Arrays.fill(tables, null);
        ledger.close();
    }
}
