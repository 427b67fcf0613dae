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
 * One state's part of the spill store: for each key that is not in memory its entries, and when the
 * first of them expires.
 *
 * <p>Layout of the database's keys, the most significant byte first; times are ordered as unsigned:
 * <pre>
 *   | areaId | 0 | keyGroup | key |           the key's entries
 *   | areaId | 1 | keyGroup | time | key |    nothing
 *       4      1       4        8
 * </pre>
 *
 * <p>Thread: the owning task.
 */
final class SpillArea implements AutoCloseable {
    private static final byte ENTRIES = 0;
    private static final byte TIMES = 1;
    private static final int PREFIX_BYTES = 9;

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
            batch.put(name(ENTRIES, keyGroup, key), entries);
            if (expiryMicros != EntryTable.NEVER) {
                batch.put(timeName(keyGroup, expiryMicros, key), new byte[0]);
            }
        } catch (RocksDBException e) {
            throw SpillStore.failed(e);
        }
    }

    /** Deletes a key's entries, with the next {@link #flush}. */
    void delete(int keyGroup, byte[] key, long expiryMicros) {
        try {
            batch.delete(name(ENTRIES, keyGroup, key));
            if (expiryMicros != EntryTable.NEVER) {
                batch.delete(timeName(keyGroup, expiryMicros, key));
            }
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
    byte @Nullable [] entries(int keyGroup, byte[] key) {
        try {
            return database.get(name(ENTRIES, keyGroup, key));
        } catch (RocksDBException e) {
            throw SpillStore.failed(e);
        }
    }

    /** All keys of a key group with their entries, as of a snapshot. */
    Cursor allEntries(int keyGroup, Snapshot snapshot) {
        return new Cursor(prefix(ENTRIES, keyGroup, 0).array(), snapshot);
    }

    /** The keys of a key group that expire, in the order of their times. */
    Cursor times(int keyGroup) {
        return new Cursor(prefix(TIMES, keyGroup, 0).array(), null);
    }

    Snapshot snapshot() {
        return database.getSnapshot();
    }

    void release(Snapshot snapshot) {
        database.releaseSnapshot(snapshot);
    }

    private byte[] name(byte kind, int keyGroup, byte[] key) {
        return prefix(kind, keyGroup, key.length).put(key).array();
    }

    private byte[] timeName(int keyGroup, long expiryMicros, byte[] key) {
        return prefix(TIMES, keyGroup, Long.BYTES + key.length)
                .putLong(expiryMicros ^ Long.MIN_VALUE)
                .put(key)
                .array();
    }

    private ByteBuffer prefix(byte kind, int keyGroup, int moreBytes) {
        return ByteBuffer.allocate(PREFIX_BYTES + moreBytes)
                .putInt(areaId)
                .put(kind)
                .putInt(keyGroup);
    }

    /** Walks over what has one prefix, in order. */
    final class Cursor implements AutoCloseable {
        private final ReadOptions options = new ReadOptions();
        private final Slice end;
        private final RocksIterator iterator;

        private Cursor(byte[] prefix, @Nullable Snapshot snapshot) {
            this.end = new Slice(following(prefix));
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

        /** The key, of {@link #allEntries}. */
        byte[] key() {
            byte[] name = iterator.key();
            return Arrays.copyOfRange(name, PREFIX_BYTES, name.length);
        }

        /** The key's entries, of {@link #allEntries}. */
        byte[] entries() {
            return iterator.value();
        }

        /** When the key expires, of {@link #times}. */
        long expiryMicros() {
            return ByteBuffer.wrap(iterator.key()).getLong(PREFIX_BYTES) ^ Long.MIN_VALUE;
        }

        /** The key, of {@link #times}. */
        byte[] keyBehindTime() {
            byte[] name = iterator.key();
            return Arrays.copyOfRange(name, PREFIX_BYTES + Long.BYTES, name.length);
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
