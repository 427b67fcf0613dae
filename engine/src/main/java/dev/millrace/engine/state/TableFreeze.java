package dev.millrace.engine.state;

/**
 * A table's entries as of a barrier, on their way into a snapshot. Entries are written in the order of
 * their addresses; one about to change that is not written yet is written first, out of turn, and its
 * new stamp then tells that it is done. Entries that came after the barrier carry the new stamp from
 * the start.
 *
 * <p>Thread: the owning task. Lifetime: no entry may move before all are written.
 */
final class TableFreeze {
    /** Puts an entry into the snapshot. */
    @FunctionalInterface
    interface EntryWriter {
        /** Returns how many bytes it were. */
        int write(KeyedTable table, int entry);
    }

    private final KeyedTable table;
    private final int epoch;
    private final boolean base;
    private final EntryWriter writer;
    private int next;
    private long writtenBytes;

    /** @param epoch the stamp of what changed in the epoch that the barrier ends; later changes have the next one */
    TableFreeze(KeyedTable table, int epoch, boolean base, EntryWriter writer) {
        this.table = table;
        this.epoch = epoch;
        this.base = base;
        this.writer = writer;
        this.next = table.firstEntry();
    }

    boolean isBase() {
        return base;
    }

    boolean isWritten() {
        return next == KeyedTable.NONE;
    }

    long writtenBytes() {
        return writtenBytes;
    }

    void saveBefore(int entry) {
        if (next != KeyedTable.NONE && entry >= next && isWanted(entry)) {
            writtenBytes += writer.write(table, entry);
            if (entry == next) {
                // It may be about to be removed, and the walk goes on from an entry that is there.
                next = table.nextEntry(entry);
            }
        }
    }

    /** Writes entries until they are about so many bytes or all; returns the bytes. */
    int write(int sizeBytes) {
        int written = 0;
        while (next != KeyedTable.NONE && written < sizeBytes) {
            if (isWanted(next)) {
                written += writer.write(table, next);
            }
            next = table.nextEntry(next);
        }
        writtenBytes += written;
        return written;
    }

    /** A base has all that was there at the barrier, whatever its stamp; what is newer has the next stamp. */
    private boolean isWanted(int entry) {
        int stamp = table.stamp(entry);
        return base ? stamp != epoch + 1 : stamp == epoch;
    }
}
