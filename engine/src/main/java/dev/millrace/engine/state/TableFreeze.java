package dev.millrace.engine.state;

/**
 * A table's entries as of a barrier, on their way into a snapshot: first which ones are gone, then
 * those that are there. Entries are written in the order of their addresses; one about to change that
 * is not written yet is written first, out of turn, and its new stamp then tells that it is done.
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
        this.end = table.arena().endAddress();
        this.next = upToEnd(table.firstEntry());
    }

    boolean isWritten() {
        return next == EntryTable.NONE && removals.isEmpty();
    }

    private int upToEnd(int entry) {
        return entry < end ? entry : EntryTable.NONE;
    }

    void saveBefore(int entry) {
        if (next != EntryTable.NONE && entry >= next && entry < end && isWanted(entry)) {
            writeRemovals();
            writer.put(table, entry);
            if (entry == next) {
                // It may be about to be removed, and the walk goes on from an entry that is there.
                next = upToEnd(table.nextEntry(entry));
            }
        }
    }

    /** Writes entries until that took the work of about so many bytes, or all; returns the work. */
    int write(int sizeBytes) {
        long before = writer.sizeBytes();
        writeRemovals();
        int work = (int) (writer.sizeBytes() - before);
        while (next != EntryTable.NONE && work < sizeBytes) {
            if (isWanted(next)) {
                long start = writer.sizeBytes();
                writer.put(table, next);
                work += (int) (writer.sizeBytes() - start);
            } else {
                work += SKIPPED_ENTRY_BYTES;
            }
            next = upToEnd(table.nextEntry(next));
        }
        return work;
    }

    /** A key that was removed and came again stands in both; what comes later holds. */
    private void writeRemovals() {
        if (!removals.isEmpty()) {
            removals.read(writer::remove);
            removals.clear();
        }
    }

    /** A base has all that was there at the barrier, whatever its stamp; what is newer has the next stamp. */
    private boolean isWanted(int entry) {
        int stamp = table.stamp(entry);
        return writer.isBase() ? stamp != epoch + 1 : stamp == epoch;
    }
}
