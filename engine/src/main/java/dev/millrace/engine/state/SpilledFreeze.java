package dev.millrace.engine.state;

/**
 * The entries of one table that are not in memory, as of a barrier, on their way into a snapshot: all of
 * them for a base, or those that changed in the epoch. An entry that comes back to memory meanwhile may
 * be written from there too, with the same value.
 *
 * <p>Thread: the owning task.
 */
final class SpilledFreeze implements AutoCloseable {
    private final SpillArea.Cursor cursor;
    private final int epoch;
    private final KeyGroupWriter writer;

    SpilledFreeze(SpillArea.Cursor cursor, int epoch, KeyGroupWriter writer) {
        this.cursor = cursor;
        this.epoch = epoch;
        this.writer = writer;
    }

    boolean isWritten() {
        return !cursor.isValid();
    }

    /** Writes until that took the work of about so many bytes, or all; returns the work. */
    int write(int sizeBytes) {
        int work = 0;
        while (work < sizeBytes && cursor.isValid()) {
            byte[] stored = cursor.entries();
            SpilledKeys.read(cursor.key(), stored, (wholeKey, subKeySizeBytes, value, stamp, flags, expiryMicros) -> {
                if (writer.isBase() || stamp == epoch) {
                    writer.put(wholeKey, subKeySizeBytes, value, expiryMicros);
                }
            });
            work += stored.length;
            cursor.advance();
        }
        return work;
    }

    @Override
    public void close() {
        cursor.close();
    }
}
