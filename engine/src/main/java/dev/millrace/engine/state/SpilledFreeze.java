package dev.millrace.engine.state;

import org.jspecify.annotations.Nullable;

/**
 * The entries of one table that were not in memory at a barrier, on their way into a snapshot: all of
 * them for a base, or those that changed in the epoch.
 *
 * <p>Thread: the owning task.
 */
final class SpilledFreeze implements AutoCloseable {
    /** What looking for a key costs, so that a slice stays short also where none is found. */
    private static final int LOOK_BYTES = 256;

    private final SpillArea.View view;
    private final int keyGroup;
    private final int epoch;
    private final KeyGroupWriter writer;
    private SpillArea.@Nullable Cursor cursor;
    private boolean written;

    SpilledFreeze(SpillArea.View view, int keyGroup, int epoch, KeyGroupWriter writer) {
        this.view = view;
        this.keyGroup = keyGroup;
        this.epoch = epoch;
        this.writer = writer;
    }

    boolean isWritten() {
        return written;
    }

    /** Writes until that took the work of about so many bytes, or all; returns the work. */
    int write(int sizeBytes) {
        SpillArea.Cursor keys = cursor;
        if (keys == null) {
            keys = writer.isBase() ? view.allEntries(keyGroup) : view.changes(epoch, keyGroup);
            cursor = keys;
        }
        int work = 0;
        while (keys.isValid() && work < sizeBytes) {
            byte[] key = keys.key();
            byte[] stored = writer.isBase() ? keys.entries() : view.entries(keyGroup, key);
            if (stored != null) { // it may have come back to memory before the barrier
                write(key, stored);
                work += stored.length;
            }
            work += LOOK_BYTES;
            keys.advance();
        }
        written = !keys.isValid();
        return work;
    }

    private void write(byte[] key, byte[] stored) {
        SpilledEntries entries = new SpilledEntries(key, stored);
        while (entries.next()) {
            if (writer.isBase() || entries.stamp() == epoch) {
                writer.put(entries.wholeKey(), entries.subKeySizeBytes(), entries.value(), entries.expiryMicros());
            }
        }
    }

    @Override
    public void close() {
        if (cursor != null) {
            cursor.close();
            cursor = null;
        }
    }
}
