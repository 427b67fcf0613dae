package dev.millrace.engine.state;

import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import java.io.IOException;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.rocksdb.BlockBasedTableConfig;
import org.rocksdb.BloomFilter;
import org.rocksdb.CompressionType;
import org.rocksdb.IndexType;
import org.rocksdb.InfoLogLevel;
import org.rocksdb.LRUCache;
import org.rocksdb.Options;
import org.rocksdb.RocksDB;
import org.rocksdb.RocksDBException;
import org.rocksdb.WriteBufferManager;

/**
 * Where state of this process goes that has no room in memory: a RocksDB database in a local folder. It
 * is scratch: opened when the first state spills, deleted with all its files when the last one that did
 * is closed. What a query needs after a restart is in its checkpoint alone.
 *
 * <p>Thread: any. Bounds: {@link #nativeBytes} of memory outside the heap, block cache, indexes, filters
 * and write buffers together, which counts as used in the budget for state while the database is open.
 */
final class SpillStore {
    private static final long LEAST_NATIVE_BYTES = 128L << 10;
    private static final long MOST_NATIVE_BYTES = 256L << 20;
    private static final int BLOOM_BITS_PER_KEY = 10;
    private static final int INDEX_BLOCK_BYTES = 4096;
    private static final int MOST_OPEN_FILES = 512;

    /** An open database with what has to be closed behind it, in that order. */
    private record Opened(RocksDB database, SpillFolder folder, List<AutoCloseable> parts) {}

    private final MemoryBudget budget;
    private final SpillFolder.Maker folders;
    private @Nullable Opened opened;
    private int areaCount;
    private int nextAreaId;

    SpillStore(MemoryBudget budget, SpillFolder.Maker folders) {
        this.budget = budget;
        this.folders = folders;
    }

    /** Opens an area for one state. Errors: STATE_STORAGE. */
    synchronized SpillArea openArea() {
        Opened current = opened;
        if (current == null) {
            current = open();
            opened = current;
            budget.reserveBeyondLimit(nativeBytes());
        }
        areaCount++;
        return new SpillArea(this, current.database(), nextAreaId++);
    }

    /** Whether a database is open, and so has files. */
    synchronized boolean isOpen() {
        return opened != null;
    }

    /** What an open database takes of memory outside the heap: a quarter of the budget, within bounds. */
    long nativeBytes() {
        return Math.max(LEAST_NATIVE_BYTES, Math.min(MOST_NATIVE_BYTES, budget.limitBytes() / 4));
    }

    private Opened open() {
        SpillFolder folder = newFolder();
        try {
            return open(folder);
        } catch (RocksDBException | LinkageError e) {
            try {
                folder.close();
            } catch (IOException closing) {
                e.addSuppressed(closing);
            }
            throw failed(e);
        }
    }

    private SpillFolder newFolder() {
        try {
            return folders.make();
        } catch (IOException e) {
            throw failed(e);
        }
    }

    private Opened open(SpillFolder folder) throws RocksDBException {
        RocksDB.loadLibrary();
        LRUCache cache = new LRUCache(nativeBytes());
        WriteBufferManager buffers = new WriteBufferManager(nativeBytes() / 2, cache);
        BloomFilter filter = new BloomFilter(BLOOM_BITS_PER_KEY);
        Options options = new Options()
                .setCreateIfMissing(true)
                .setInfoLogLevel(InfoLogLevel.ERROR_LEVEL)
                .setStatsDumpPeriodSec(0)
                .setAvoidFlushDuringShutdown(true)
                .setMaxOpenFiles(MOST_OPEN_FILES)
                .setCompressionType(CompressionType.LZ4_COMPRESSION)
                .setWriteBufferManager(buffers)
                .setWriteBufferSize(nativeBytes() / 4)
                .setMaxWriteBufferNumber(2)
                .setTableFormatConfig(new BlockBasedTableConfig()
                        .setBlockCache(cache)
                        .setCacheIndexAndFilterBlocks(true)
                        .setIndexType(IndexType.kTwoLevelIndexSearch)
                        .setPartitionFilters(true)
                        .setMetadataBlockSize(INDEX_BLOCK_BYTES)
                        .setPinTopLevelIndexAndFilter(true)
                        .setFilterPolicy(filter));
        List<AutoCloseable> parts = List.of(options, filter, buffers, cache);
        try {
            return new Opened(RocksDB.open(options, folder.path().toString()), folder, parts);
        } catch (RocksDBException e) {
            close(parts);
            throw e;
        }
    }

    private static void close(List<AutoCloseable> parts) {
        for (AutoCloseable part : parts) {
            try {
                part.close();
            } catch (Exception e) {
                throw failed(e);
            }
        }
    }

    /** Gives an area up. */
    synchronized void release() {
        Opened current = opened;
        if (--areaCount > 0 || current == null) {
            return;
        }
        opened = null;
        current.database().close();
        close(current.parts());
        budget.release(nativeBytes());
        try {
            current.folder().close();
        } catch (IOException e) {
            throw failed(e);
        }
    }

    static MillraceException failed(Throwable cause) {
        return new MillraceException(
                ErrorCode.STATE_STORAGE,
                "Cannot keep state outside of memory: error=%s. Check spark.local.dir for room and rights, or raise spark.millrace.state.memory."
                        .formatted(cause.getMessage()),
                cause);
    }
}
