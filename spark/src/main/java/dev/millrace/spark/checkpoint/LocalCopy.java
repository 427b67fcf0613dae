package dev.millrace.spark.checkpoint;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;
import java.util.zip.CRC32C;

/**
 * What is on the local disk of one snapshot file: some of its bytes or all, each where it stands in the file, in chunks
 * whose checksums are kept in memory.
 *
 * <p>Thread: the lock of its {@link LocalCopies}, but for {@link Chunk#read}.
 */
final class LocalCopy {
    private static final int CHUNK_BYTES = 64 * 1024;
    private static final long UNKNOWN = -1;

    /** Bytes that are checked together. Immutable. */
    record Chunk(long position, int sizeBytes, int crc) {
        private long end() {
            return position + sizeBytes;
        }

        /**
         * Gives what of this chunk lies within {@code length} bytes from {@code from} on.
         *
         * @return whether the chunk is still what was put
         */
        boolean read(RandomAccessFile file, long from, byte[] into, int length) throws IOException {
            byte[] whole = new byte[sizeBytes];
            file.seek(position);
            file.readFully(whole);
            if (checksum(whole, 0, sizeBytes) != crc) {
                return false;
            }
            long start = Math.max(from, position);
            int count = (int) (Math.min(from + length, end()) - start);
            System.arraycopy(whole, (int) (start - position), into, (int) (start - from), count);
            return true;
        }
    }

    final String key;
    final Path path;
    private final NavigableMap<Long, Chunk> chunks = new TreeMap<>();
    private long sizeBytes = UNKNOWN;
    private long keptBytes;
    private boolean isDropped;

    /** @param key names the snapshot file, of all that this process may have copies of */
    LocalCopy(String key, Path path) {
        this.key = key;
        this.path = path;
    }

    /** The snapshot file's size, or -1 until it is known. */
    long sizeBytes() {
        return sizeBytes;
    }

    void isOfSize(long bytes) {
        sizeBytes = bytes;
    }

    long keptBytes() {
        return keptBytes;
    }

    /** Nothing is put any more, and nothing is here. */
    void drop() {
        isDropped = true;
        chunks.clear();
        keptBytes = 0;
    }

    boolean isDropped() {
        return isDropped;
    }

    /** The chunks with all the bytes of a piece, in order; none where any is not here. */
    List<Chunk> chunksOf(long from, int length) {
        List<Chunk> found = new ArrayList<>();
        long at = from;
        while (at < from + length) {
            Map.Entry<Long, Chunk> before = chunks.floorEntry(at);
            if (before == null || before.getValue().end() <= at) {
                return List.of();
            }
            found.add(before.getValue());
            at = before.getValue().end();
        }
        return found;
    }

    /** Puts what is not here yet of a piece of the snapshot file. */
    void put(RandomAccessFile file, long from, byte[] bytes, int offset, int length) throws IOException {
        long end = from + length;
        long at = from;
        while (at < end) {
            Map.Entry<Long, Chunk> before = chunks.floorEntry(at);
            if (before != null && before.getValue().end() > at) {
                at = before.getValue().end();
                continue;
            }
            Long next = chunks.higherKey(at);
            long gapEnd = Math.min(next == null ? end : Math.min(end, next), at + CHUNK_BYTES);
            int start = offset + (int) (at - from);
            int size = (int) (gapEnd - at);
            file.seek(at);
            file.write(bytes, start, size);
            chunks.put(at, new Chunk(at, size, checksum(bytes, start, size)));
            keptBytes += size;
            at = gapEnd;
        }
    }

    private static int checksum(byte[] bytes, int offset, int length) {
        CRC32C crc = new CRC32C();
        crc.update(bytes, offset, length);
        return (int) crc.getValue();
    }
}
