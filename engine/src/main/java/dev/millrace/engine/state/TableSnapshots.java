package dev.millrace.engine.state;

import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.engine.page.RowView;
import dev.millrace.engine.snapshot.Section;
import dev.millrace.engine.snapshot.SectionEntry;
import org.jspecify.annotations.Nullable;

/**
 * A table's way into snapshots and back: what was removed since the last one, what snapshots hold by
 * now, and what of the last one is still to be written.
 *
 * <p>Thread: the owning task.
 */
final class TableSnapshots {
    private static final long NOTHING_EXPIRED = Long.MIN_VALUE;

    private final EntryTable table;
    private final StoredChain stored;
    private RemovalLog removals;

    /** Up to when all entries have expired since the last snapshot, and whether that is still under way. */
    private long expiredMicros = NOTHING_EXPIRED;

    private boolean expiring;

    /** Where what is frozen goes, or null while nothing is. */
    private @Nullable KeyGroupWriter writer;

    private @Nullable SpilledFreeze spilledFreeze;

    TableSnapshots(EntryTable table, int keyGroup) {
        this.table = table;
        this.stored = new StoredChain(keyGroup);
        this.removals = new RemovalLog(table.ledger);
    }

    /** Notes the removal of an entry that a snapshot may hold. */
    void removed(RowView wholeKey, int subKeySizeBytes) {
        removals.add(wholeKey, subKeySizeBytes);
    }

    /** Notes that entries whose time has come were removed, and whether all up to that time were. */
    void expired(long throughMicros, boolean all) {
        expiredMicros = Math.max(expiredMicros, throughMicros);
        expiring = !all;
    }

    /** Whether entries were removed up to a time that others have not been yet. */
    boolean isExpiring() {
        return expiring;
    }

    boolean needsBase() {
        return stored.needsBase(table.rowCount() + table.spilledRowCount());
    }

    /**
     * Freezes the entries as they are: all of them for a base, or what changed in {@code epoch}. Until
     * {@link #write} is through, an entry about to change is written first.
     *
     * @param outside the spilled entries as they are, or null where no table has any
     */
    void freeze(int epoch, KeyGroupWriter to, SpillArea.@Nullable View outside) {
        if (expiring) {
            throw new MillraceException(
                    ErrorCode.INVARIANT,
                    "Cannot freeze a table: entries up to micros=%d are being removed. Report this as a bug."
                            .formatted(expiredMicros));
        }
        RemovalLog ended = removals;
        removals = new RemovalLog(table.ledger);
        if (to.isBase()) {
            ended.clear();
        } else if (expiredMicros != NOTHING_EXPIRED) {
            to.expire(expiredMicros);
        }
        expiredMicros = NOTHING_EXPIRED;
        table.freeze = new TableFreeze(table, epoch, to, ended);
        SpilledKeys keys = table.spilled;
        spilledFreeze = keys == null || outside == null ? null : keys.freeze(outside, epoch, to);
        writer = to;
    }

    boolean isFrozen() {
        return writer != null;
    }

    /** Writes until that took the work of about so many bytes, or all; returns the work. */
    int write(int sizeBytes) {
        int work = writeInMemory(sizeBytes);
        SpilledFreeze outside = spilledFreeze;
        if (outside != null && table.freeze == null) {
            work += outside.write(sizeBytes - work);
            if (outside.isWritten()) {
                close();
            }
        }
        KeyGroupWriter to = writer;
        if (to != null && table.freeze == null && spilledFreeze == null) {
            writer = null;
            stored.written(to.isBase(), to.sizeBytes());
            to.finish();
        }
        return work;
    }

    private int writeInMemory(int sizeBytes) {
        TableFreeze freezing = table.freeze;
        if (freezing == null) {
            return 0;
        }
        int work = freezing.write(sizeBytes);
        if (freezing.isWritten()) {
            table.freeze = null;
        }
        return work;
    }

    /** What moves entries comes behind those that are frozen: a table's memory is small enough for that. */
    void finishInMemory() {
        while (table.freeze != null) {
            writeInMemory(Integer.MAX_VALUE);
        }
    }

    /** Gives up what is still to be written of entries outside of memory. */
    void close() {
        SpilledFreeze outside = spilledFreeze;
        if (outside != null) {
            spilledFreeze = null;
            outside.close();
        }
    }

    /** Takes back a section. Errors: STATE_CORRUPT, STATE_MEMORY. */
    void restore(Section section, Section.Reader after) throws Exception {
        boolean base = section.isBase();
        if (base) {
            table.reserve(section.recordCount());
            table.expect(section.sizeBytes());
        }
        section.read(entry -> {
            restore(entry, base);
            after.entry(entry);
        });
        table.expect(0);
        stored.restored(base, section.sizeBytes());
    }

    /** A base is what a table begins with, and names each entry once. */
    private void restore(SectionEntry entry, boolean ofBase) {
        switch (entry.kind()) {
            case PUT -> table.restorePut(entry, ofBase);
            case REMOVED -> {
                int found = table.findWhole(entry.key(), entry.subKeySizeBytes());
                if (found != EntryTable.NONE) {
                    table.removeExpired(found);
                    table.boundGarbage();
                }
            }
            case EXPIRED -> {
                while (table.earliestExpiryMicros() <= entry.expiryMicros()) {
                    ExpiryWalk.removeSome(table, entry.expiryMicros());
                }
            }
        }
    }
}
