package dev.millrace.engine.state;

/**
 * A table's entries as of a barrier, on their way into a snapshot: first which ones are gone, then
 * those that are there, or for less than a base those that changed. Entries are written in the order of their
 * addresses; one about to change that is not written yet is written first, out of turn.
 * Entries that were added or came back to memory after the barrier lie behind those that were there.
 *
 * <p>Thread: the owning task. Lifetime: no entry may move before all are written.
 */
final class TableFreeze {
    /** What looking at an entry costs that is not to be written, so that a slice stays short there too. */
    private static final int SKIPPED_ENTRY_BYTES = 16;

    private final EntryTable table;
    private final int epoch;
    private final KeyGroupWriter writer;
    private final RemovalLog removals;

    /** What is still to be written, or for a base what changed before it and is of no more use. */
    private final ChangedEntries changed;

    private final int end;
    private int next;

    /**
     * @param epoch the stamp of what changed in the epoch that the barrier ends; later changes have the next one
     * @param removals what was removed in that epoch and an earlier snapshot holds
     */
    TableFreeze(EntryTable table, int epoch, KeyGroupWriter writer, RemovalLog removals) {
        this.table = table;
        this.epoch = epoch;
        this.writer = writer;
        this.removals = removals;
        this.changed = table.takeChanged();
        this.end = table.arena().endAddress();
        if (writer.isBase()) {
            changed.clear();
            this.next = upToEnd(table.firstEntry());
        } else {
            this.next = changed.next(EntryTable.NONE);
        }
    }

    boolean isWritten() {
        return next == EntryTable.NONE && removals.isEmpty();
    }

    private int upToEnd(int entry) {
        return entry < end ? entry : EntryTable.NONE;
    }

    void saveBefore(int entry) {
        if (next != EntryTable.NONE && isWanted(entry)) {
            writeRemovals();
            put(entry);
            if (entry == next) {
                // It may be about to be removed, and the walk goes on from an entry that is there.
                next = behind(entry);
            }
        }
    }

    /** A base has all that was there at the barrier, whatever its stamp; what is newer has the next stamp. */
    private boolean isWanted(int entry) {
        return writer.isBase()
                ? entry >= next && entry < end && table.stamp(entry) != epoch + 1
                : changed.contains(entry);
    }

    private void put(int entry) {
        writer.put(table, entry);
        changed.remove(entry);
    }

    private int behind(int entry) {
        return writer.isBase() ? upToEnd(table.nextEntry(entry)) : changed.next(entry);
    }

    /** Writes entries until that took the work of about so many bytes, or all; returns the work. */
    int write(int sizeBytes) {
        long before = writer.sizeBytes();
        writeRemovals();
        int work = (int) (writer.sizeBytes() - before);
        while (next != EntryTable.NONE && work < sizeBytes) {
            work += writeNext();
        }
        if (next == EntryTable.NONE) {
            changed.clear();
        }
        return work;
    }

    private int writeNext() {
        int entry = next;
        int work = SKIPPED_ENTRY_BYTES;
        if (isWanted(entry)) {
            long start = writer.sizeBytes();
            put(entry);
            work = (int) (writer.sizeBytes() - start);
        }
        next = behind(entry);
        return work + ChangedEntries.words(entry, next == EntryTable.NONE ? end : next);
    }

    /** A key that was removed and came again stands in both; what comes later holds. */
    private void writeRemovals() {
        if (!removals.isEmpty()) {
            removals.read(writer::remove);
            removals.clear();
        }
    }
}
