package dev.millrace.engine.state;

import org.jspecify.annotations.Nullable;

/**
 * Makes room when the memory for state is nearly used: puts keys of one state out of memory that were
 * not changed of late, some at a time, one table after another; when memory is about to end, also those
 * that were, as many as it takes.
 *
 * <p>Thread: the owning task. Bounds: a call looks at {@link #ENTRIES_AT_ONCE} entries; when memory is
 * about to end, at each entry in memory twice.
 */
final class Eviction implements AutoCloseable {
    private static final int ENTRIES_AT_ONCE = 1024;

    /** After calls that freed nothing, so many are left out: others hold the memory. */
    private static final int CALLS_TO_LEAVE_OUT = 64;

    private final @Nullable EntryTable[] tables;
    private final StateLedger ledger;
    private final SpillStore store;
    private @Nullable SpillArea area;
    private int keyGroup;
    private int callsToLeaveOut;

    Eviction(@Nullable EntryTable[] tables, StateLedger ledger, SpillStore store) {
        this.tables = tables;
        this.ledger = ledger;
        this.store = store;
    }

    /** Where spilled entries are, or null while none ever was. */
    @Nullable
    SpillArea area() {
        return area;
    }

    /** Puts some keys out where memory is short. No address may be held. Errors: STATE_STORAGE. */
    void makeRoom() {
        MemoryBudget budget = ledger.budget();
        if (!budget.isNearlyUsed()) {
            callsToLeaveOut = 0;
            return;
        }
        if (callsToLeaveOut > 0 && !budget.isAlmostUsed()) {
            callsToLeaveOut--;
            return;
        }
        long left = 2 * ledger.rowCount();
        if (left == 0) {
            return;
        }
        long before = ledger.usedBytes();
        evictSome(false);
        while (budget.isAlmostUsed() && left > 0) {
            left -= evictSome(true);
        }
        callsToLeaveOut = ledger.usedBytes() < before ? 0 : CALLS_TO_LEAVE_OUT;
    }

    /** Returns how many entries were looked at, at least one. */
    private int evictSome(boolean changedToo) {
        SpillArea to = area;
        if (to == null) {
            to = store.openArea();
            area = to;
        }
        int left = ENTRIES_AT_ONCE;
        for (int visited = 0; left > 0 && visited <= tables.length; visited++) {
            EntryTable table = tables[keyGroup];
            boolean isThrough = true;
            if (table != null && table.rowCount() > 0) {
                SpilledKeys outside = table.spilledTo(to, keyGroup);
                left -= outside.evict(left, changedToo);
                isThrough = outside.isEvictionThrough();
            }
            if (isThrough) {
                keyGroup = keyGroup + 1 == tables.length ? 0 : keyGroup + 1;
            }
        }
        return Math.max(1, ENTRIES_AT_ONCE - left);
    }

    @Override
    public void close() {
        if (area != null) {
            area.close();
            area = null;
        }
    }
}
