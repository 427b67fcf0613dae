package dev.millrace.engine.state;

import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.rocksdb.BlockBasedTableConfig;
import org.rocksdb.BloomFilter;
import org.rocksdb.CompressionType;
import org.rocksdb.LRUCache;
import org.rocksdb.Options;
import org.rocksdb.RocksDB;
import org.rocksdb.RocksDBException;

/**
 * Where state of this process goes that has no room in memory: a RocksDB database in a local folder. It
 * is scratch: opened when the first state spills, deleted with all its files when the last one that did
 * is closed. What a query needs after a restart is in its checkpoint alone.
 *
 * <p>Thread: any. Bounds: {@link #CACHE_BYTES} and {@link #WRITE_BUFFER_COUNT} times {@link
 * #WRITE_BUFFER_BYTES} of memory outside the heap, beside the budget for state.
 */
public final class SpillStore {
    static final long CACHE_BYTES = 32L << 20;
    static final long WRITE_BUFFER_BYTES = 16L << 20;
    static final int WRITE_BUFFER_COUNT = 2;
    private static final int BLOOM_BITS_PER_KEY = 10;

    /** An open database with what has to be closed behind it, in that order. */
    private record Opened(RocksDB database, Path directory, List<AutoCloseable> parts) {}

    private final Supplier<Path> directories;
    private @Nullable Opened opened;
    private int areaCount;
    private int nextAreaId;

    /** @param directories makes an empty folder each time that it is asked */
    public SpillStore(Supplier<Path> directories) {
        this.directories = directories;
    }

    /** Opens an area for one state. Errors: STATE_STORAGE. */
    synchronized SpillArea openArea() {
        Opened current = opened;
        if (current == null) {
            current = open();
            opened = current;
        }
        areaCount++;
        return new SpillArea(this, current.database(), nextAreaId++);
    }

    /** Whether a database is open, and so has files. */
    public synchronized boolean isOpen() {
        return opened != null;
    }

    private Opened open() {
        Path directory = directories.get();
        RocksDB.loadLibrary();
        LRUCache cache = new LRUCache(CACHE_BYTES);
        BloomFilter filter = new BloomFilter(BLOOM_BITS_PER_KEY);
        Options options = new Options()
                .setCreateIfMissing(true)
                .setCompressionType(CompressionType.LZ4_COMPRESSION)
                .setWriteBufferSize(WRITE_BUFFER_BYTES)
                .setMaxWriteBufferNumber(WRITE_BUFFER_COUNT)
                .setTableFormatConfig(new BlockBasedTableConfig()
                        .setBlockCache(cache)
                        .setCacheIndexAndFilterBlocks(true)
                        .setFilterPolicy(filter));
        try {
            return new Opened(RocksDB.open(options, directory.toString()), directory, List.of(options, filter, cache));
        } catch (RocksDBException e) {
            options.close();
            filter.close();
            cache.close();
            throw failed(e);
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
        try {
            for (AutoCloseable part : current.parts()) {
                part.close();
            }
            delete(current.directory());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (Exception e) {
            throw failed(e);
        }
    }

    private static void delete(Path directory) throws IOException {
        try (Stream<Path> paths = Files.walk(directory)) {
            for (Path path : paths.sorted(Comparator.reverseOrder()).toList()) {
                Files.deleteIfExists(path);
            }
        }
    }

    static MillraceException failed(Exception cause) {
        return new MillraceException(
                ErrorCode.STATE_STORAGE,
                "Cannot keep state outside of memory: error=%s. Check spark.millrace.state.spill.directory for room and rights, or raise spark.millrace.state.memory."
                        .formatted(cause.getMessage()),
                cause);
    }
}
