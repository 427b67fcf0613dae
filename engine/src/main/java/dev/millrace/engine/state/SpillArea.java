package dev.millrace.engine.state;

import java.nio.ByteBuffer;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;
import org.rocksdb.ReadOptions;
import org.rocksdb.RocksDB;
import org.rocksdb.RocksDBException;
import org.rocksdb.RocksIterator;
import org.rocksdb.Slice;
import org.rocksdb.Snapshot;
import org.rocksdb.WriteBatch;
import org.rocksdb.WriteOptions;

/**
 * One state's part of the spill store: for each key that is not in memory its entries, when the first of
 * them expires, and in which epoch it was put out with a change of that epoch.
 *
 * <p>Layout of the database's keys, the most significant byte first; times are ordered as unsigned:
 * <pre>
 *   | areaId | 0 | keyGroup | key |            the key's entries
 *   | areaId | 1 | keyGroup | time | key |     nothing
 *   | areaId | 2 | epoch | keyGroup | key |    nothing
 *       4      1      4        4 or 8
 * </pre>
 * The third kind may name keys that have come back to memory since.
 *
 * <p>Thread: the owning task. Errors: STATE_STORAGE.
 */
final class SpillArea implements AutoCloseable {
    private static final byte ENTRIES = 0;
    private static final byte TIMES = 1;
    private static final byte CHANGES = 2;
    private static final int PREFIX_BYTES = 9;
    private static final byte[] NOTHING = new byte[0];

    private final SpillStore store;
    private final RocksDB database;
    private final int areaId;
    private final WriteOptions writing = new WriteOptions().setDisableWAL(true);
    private final WriteBatch batch = new WriteBatch();

    SpillArea(SpillStore store, RocksDB database, int areaId) {
        this.store = store;
        this.database = database;
        this.areaId = areaId;
    }

    /** Puts a key's entries, with the next {@link #flush}. */
    void put(int keyGroup, byte[] key, byte[] entries, long expiryMicros) {
        try {
            batch.put(name(keyGroup, key, 0, key.length), entries);
            if (expiryMicros != EntryTable.NEVER) {
                batch.put(timeName(keyGroup, expiryMicros, key), NOTHING);
            }
        } catch (RocksDBException e) {
            throw SpillStore.failed(e);
        }
    }

    /** Notes that a key that is put was changed in an epoch, with the next {@link #flush}. */
    void putChange(int epoch, int keyGroup, byte[] key) {
        try {
            byte[] name = ByteBuffer.allocate(PREFIX_BYTES + Integer.BYTES + key.length)
                    .put(changes(epoch, keyGroup))
                    .put(key)
                    .array();
            batch.put(name, NOTHING);
        } catch (RocksDBException e) {
            throw SpillStore.failed(e);
        }
    }

    /** Deletes a key's entries, with the next {@link #flush}. */
    void delete(int keyGroup, byte[] key, long expiryMicros) {
        try {
            batch.delete(name(keyGroup, key, 0, key.length));
            if (expiryMicros != EntryTable.NEVER) {
                batch.delete(timeName(keyGroup, expiryMicros, key));
            }
        } catch (RocksDBException e) {
            throw SpillStore.failed(e);
        }
    }

    /** Forgets which keys were changed in an epoch. */
    void deleteChanges(int epoch) {
        try {
            byte[] prefix = prefix(CHANGES, epoch, 0).array();
            database.deleteRange(writing, prefix, following(prefix));
        } catch (RocksDBException e) {
            throw SpillStore.failed(e);
        }
    }

    void flush() {
        try {
            database.write(writing, batch);
            batch.clear();
        } catch (RocksDBException e) {
            throw SpillStore.failed(e);
        }
    }

    /** A key's entries, or null. */
    byte @Nullable [] entries(int keyGroup, byte[] key, int offset, int sizeBytes) {
        try {
            return database.get(name(keyGroup, key, offset, sizeBytes));
        } catch (RocksDBException e) {
            throw SpillStore.failed(e);
        }
    }

    /** The keys of a key group that expire, in the order of their times. */
    Cursor times(int keyGroup) {
        return new Cursor(prefix(TIMES, keyGroup, 0).array(), Long.BYTES, null);
    }

    /** Fixes what there is now, for reading it later. */
    View view() {
        return new View();
    }

    private byte[] name(int keyGroup, byte[] key, int offset, int sizeBytes) {
        return prefix(ENTRIES, keyGroup, sizeBytes).put(key, offset, sizeBytes).array();
    }

    private byte[] timeName(int keyGroup, long expiryMicros, byte[] key) {
        return prefix(TIMES, keyGroup, Long.BYTES + key.length)
                .putLong(expiryMicros ^ Long.MIN_VALUE)
                .put(key)
                .array();
    }

    private byte[] changes(int epoch, int keyGroup) {
        return prefix(CHANGES, epoch, Integer.BYTES).putInt(keyGroup).array();
    }

    private ByteBuffer prefix(byte kind, int number, int moreBytes) {
        return ByteBuffer.allocate(PREFIX_BYTES + moreBytes)
                .putInt(areaId)
                .put(kind)
                .putInt(number);
    }

    /** What there was at one moment. To be closed before the area. */
    final class View implements AutoCloseable {
        private final Snapshot snapshot = database.getSnapshot();
        private final ReadOptions reading = new ReadOptions().setSnapshot(snapshot);

        /** All keys of a key group with their entries. */
        Cursor allEntries(int keyGroup) {
            return new Cursor(prefix(ENTRIES, keyGroup, 0).array(), 0, snapshot);
        }

        /** The keys of a key group that were put with a change of an epoch; some may have gone since. */
        Cursor changes(int epoch, int keyGroup) {
            return new Cursor(SpillArea.this.changes(epoch, keyGroup), 0, snapshot);
        }

        /** A key's entries, or null. */
        byte @Nullable [] entries(int keyGroup, byte[] key) {
            try {
                return database.get(reading, name(keyGroup, key, 0, key.length));
            } catch (RocksDBException e) {
                throw SpillStore.failed(e);
            }
        }

        @Override
        public void close() {
            reading.close();
            database.releaseSnapshot(snapshot);
            snapshot.close();
        }
    }

    /** Walks over what has one prefix, in order. */
    final class Cursor implements AutoCloseable {
        private final ReadOptions options = new ReadOptions();
        private final Slice end;
        private final int keyOffset;
        private final RocksIterator iterator;

        private Cursor(byte[] prefix, int timeBytes, @Nullable Snapshot snapshot) {
            this.end = new Slice(following(prefix));
            this.keyOffset = prefix.length + timeBytes;
            options.setIterateUpperBound(end);
            if (snapshot != null) {
                options.setSnapshot(snapshot);
            }
            this.iterator = database.newIterator(options);
            iterator.seek(prefix);
        }

        boolean isValid() {
            boolean valid = iterator.isValid();
            if (!valid) {
                try {
                    iterator.status();
                } catch (RocksDBException e) {
                    throw SpillStore.failed(e);
                }
            }
            return valid;
        }

        void advance() {
            iterator.next();
        }

        byte[] key() {
            byte[] name = iterator.key();
            return Arrays.copyOfRange(name, keyOffset, name.length);
        }

        /** The key's entries, of {@link View#allEntries}. */
        byte[] entries() {
            return iterator.value();
        }

        /** When the key expires, of {@link #times}. */
        long expiryMicros() {
            return ByteBuffer.wrap(iterator.key()).getLong(PREFIX_BYTES) ^ Long.MIN_VALUE;
        }

        @Override
        public void close() {
            iterator.close();
            options.close();
            end.close();
        }
    }

    /** The least name that is greater than all with a prefix. */
    private static byte[] following(byte[] prefix) {
        byte[] next = prefix.clone();
        for (int i = next.length - 1; i >= 0; i--) {
            if (++next[i] != 0) {
                return next;
            }
        }
        throw SpillStore.failed(new IllegalStateException("too many states have spilled"));
    }

    /** Deletes all that the state has spilled. */
    @Override
    public void close() {
        try {
            byte[] from = ByteBuffer.allocate(Integer.BYTES).putInt(areaId).array();
            database.deleteRange(writing, from, following(from));
        } catch (RocksDBException e) {
            throw SpillStore.failed(e);
        } finally {
            batch.close();
            writing.close();
            store.release();
        }
    }
}
