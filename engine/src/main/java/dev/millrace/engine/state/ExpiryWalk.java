package dev.millrace.engine.state;

import static dev.millrace.engine.state.EntryTable.NEVER;
import static dev.millrace.engine.state.EntryTable.NONE;

/**
 * The removal of a table's entries whose time has come. A chain of the queue may lead through entries
 * that are removed or now expire later: the former are passed over, the latter queued anew.
 *
 * <p>Thread: the owning task.
 */
final class ExpiryWalk<T extends EntryTable> {
    private final T table;
    private final int keyGroup;
    private final long lastMicros;
    private final ExpiryVisitor<? super T> visitor;
    private int left;
    private int removedCount;
    private boolean stopped;

    /**
     * @param lastMicros entries up to this expiry time are removed
     * @param limit how many are visited at most
     */
    ExpiryWalk(T table, int keyGroup, long lastMicros, int limit, ExpiryVisitor<? super T> visitor) {
        this.table = table;
        this.keyGroup = keyGroup;
        this.lastMicros = Math.min(lastMicros, NEVER - 1);
        this.left = limit;
        this.visitor = visitor;
    }

    /** Visits and removes; false when the limit was reached or the visitor stopped. */
    boolean run() {
        while (!stopped && table.earliestExpiryMicros() <= lastMicros) {
            if (left == 0) {
                stopped = true;
            } else {
                loadExpired(table, lastMicros);
                visitInMemory();
                table.boundGarbage();
            }
        }
        if (removedCount > 0 || table.snapshots().isExpiring()) {
            table.snapshots().expired(lastMicros, !stopped);
        }
        return !stopped;
    }

    private void visitInMemory() {
        ExpiryQueue queue = table.expiries;
        while (!stopped && queue.earliestMicros() <= lastMicros) {
            long micros = queue.earliestMicros();
            int rest = visitChain(queue.removeEarliest(), micros);
            if (rest != NONE) {
                takeBack(rest, micros);
            }
        }
    }

    private static void loadExpired(EntryTable table, long lastMicros) {
        SpilledKeys spilled = table.spilled;
        if (spilled != null) {
            spilled.loadExpired(lastMicros);
        }
    }

    /** Returns the first entry of the chain's part that is still to be visited, or NONE. */
    private int visitChain(int head, long micros) {
        int entry = head;
        while (entry != NONE) {
            int next = table.nextInChain(entry);
            if (!table.isRemoved(entry)) {
                if (table.expiryMicros(entry) != micros) {
                    requeue(table, entry);
                } else if (left == 0) {
                    stopped = true;
                    return entry;
                } else if (!visit(entry)) {
                    stopped = true;
                    table.queued(entry);
                    return entry;
                }
            }
            entry = next;
        }
        return NONE;
    }

    private boolean visit(int entry) {
        table.dequeued(entry);
        if (!visitor.visit(keyGroup, table, entry)) {
            return false;
        }
        left--;
        if (!table.isRemoved(entry) && table.expiryMicros(entry) <= lastMicros) {
            table.removeExpired(entry);
            removedCount++;
        }
        return true;
    }

    private void takeBack(int head, long micros) {
        table.ledger.freeing(true);
        table.expiries.makeRoom();
        table.ledger.freeing(false);
        table.expiries.addChain(micros, head);
    }

    private static void requeue(EntryTable table, int entry) {
        table.dequeued(entry);
        table.ledger.freeing(true);
        table.expiries.makeRoom();
        table.ledger.freeing(false);
        table.enqueue(entry, table.expiryMicros(entry));
    }

    int removedCount() {
        return removedCount;
    }

    int visitsLeft() {
        return left;
    }

    /**
     * Removes entries whose expiry time is at or before the watermark, and returns how many they were:
     * all that are in memory, and some of those outside. A few are taken out one by one; when they are
     * many, the others are moved together instead.
     */
    static int removeSome(EntryTable table, long watermarkMicros) {
        long lastMicros = Math.min(watermarkMicros, NEVER - 1);
        loadExpired(table, lastMicros);
        int before = table.rowCount();
        int fewestRows = before - before / 4;
        while (table.expiries.earliestMicros() <= lastMicros) {
            if (!removeChain(table, table.expiries.removeEarliest(), lastMicros, fewestRows)) {
                markExpired(table, lastMicros);
                table.compact();
            }
        }
        table.boundGarbage();
        return before - table.rowCount();
    }

    /** Removes a chain of one expiry time; false when it stopped before fewer rows than that were left. */
    private static boolean removeChain(EntryTable table, int head, long lastMicros, int fewestRows) {
        int entry = head;
        while (entry != NONE) {
            int next = table.nextInChain(entry);
            if (!table.isRemoved(entry)) {
                if (table.expiryMicros(entry) > lastMicros) {
                    requeue(table, entry);
                } else if (table.rowCount() <= fewestRows) {
                    return false;
                } else {
                    table.removeExpired(entry);
                }
            }
            entry = next;
        }
        return true;
    }

    private static void markExpired(EntryTable table, long lastMicros) {
        for (int entry = table.firstEntry(); entry != NONE; entry = table.nextEntry(entry)) {
            if (table.expiryMicros(entry) <= lastMicros) {
                table.dropBeforeCompaction(entry);
            }
        }
    }
}
