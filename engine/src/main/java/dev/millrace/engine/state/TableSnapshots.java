package dev.millrace.engine.state;

import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.engine.page.RowView;
import dev.millrace.engine.snapshot.Section;
import dev.millrace.engine.snapshot.SectionEntry;

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
        return stored.needsBase(table.rowCount());
    }

    /**
     * Freezes the entries as they are: all of them for a base, or what changed in {@code epoch}. Until
     * {@link #write} is through, an entry about to change is written first.
     */
    void freeze(int epoch, KeyGroupWriter writer) {
        if (expiring) {
            throw new MillraceException(
                    ErrorCode.INVARIANT,
                    "Cannot freeze a table: entries up to micros=%d are being removed. Report this as a bug."
                            .formatted(expiredMicros));
        }
        RemovalLog ended = removals;
        removals = new RemovalLog(table.ledger);
        if (writer.isBase()) {
            ended.clear();
        } else if (expiredMicros != NOTHING_EXPIRED) {
            writer.expire(expiredMicros);
        }
        expiredMicros = NOTHING_EXPIRED;
        table.freeze = new TableFreeze(table, epoch, writer, ended);
    }

    boolean isFrozen() {
        return table.freeze != null;
    }

    /** Writes until that took the work of about so many bytes, or all; returns the work. */
    int write(int sizeBytes) {
        TableFreeze freezing = table.freeze;
        if (freezing == null) {
            return 0;
        }
        int work = freezing.write(sizeBytes);
        if (freezing.isWritten()) {
            table.freeze = null;
            stored.written(freezing.writer().isBase(), freezing.writer().sizeBytes());
            freezing.writer().finish();
        }
        return work;
    }

    /** What moves or drops entries comes behind what is frozen: a table is small enough for that. */
    void finish() {
        while (isFrozen()) {
            write(Integer.MAX_VALUE);
        }
    }

    /** Takes back what a section says. Errors: STATE_CORRUPT, STATE_MEMORY. */
    void restore(Section section) throws Exception {
        section.read(this::restore);
        stored.restored(section.isBase(), section.sizeBytes());
    }

    private void restore(SectionEntry entry) {
        switch (entry.kind()) {
            case PUT -> table.restorePut(entry);
            case REMOVED -> {
                int found = table.findWhole(entry.key(), entry.subKeySizeBytes());
                if (found != EntryTable.NONE) {
                    table.removeExpired(found);
                    table.boundGarbage();
                }
            }
            case EXPIRED -> ExpiryWalk.removeAll(table, entry.expiryMicros());
        }
    }
}
