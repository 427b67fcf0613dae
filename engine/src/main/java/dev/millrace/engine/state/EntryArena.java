package dev.millrace.engine.state;

import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import java.util.Arrays;

/**
 * Entries of one table, one behind the other in chunks of bytes. An entry's address counts units of 8
 * bytes over all chunks and never changes; the array below the last chunk does while it grows. An
 * entry larger than a chunk has a chunk of its own size.
 *
 * <p>Thread: the owning task. Bounds: {@link #MAX_CHUNKS} chunks, 16 GiB.
 */
final class EntryArena {
    /** No entry has this address. */
    static final int NONE = 0;

    static final int CHUNK_BYTES = 64 * 1024;
    private static final int FIRST_CHUNK_BYTES = 256;
    private static final int LATER_CHUNK_BYTES = CHUNK_BYTES / 4;
    private static final int UNIT_SHIFT = 3;
    private static final int CHUNK_SHIFT = 13;
    private static final int UNIT_MASK = (1 << CHUNK_SHIFT) - 1;
    private static final int MAX_CHUNKS = 1 << (31 - CHUNK_SHIFT);

    private static final byte[][] NO_CHUNKS = new byte[0][];
    private static final byte[] DROPPED = new byte[0];
    private static final int[] NO_ENDS = new int[0];

    private final StateLedger ledger;
    private byte[][] chunks = NO_CHUNKS;
    private int[] chunkEnds = NO_ENDS;
    private int chunkCount;
    private long usedBytes;

    /** So much is known to come; a chunk that will be filled by it is made in its full size. */
    private long expectedBytes;

    EntryArena(StateLedger ledger) {
        this.ledger = ledger;
    }

    /** The array that an entry lies in; another one after the next {@link #allocate}. */
    byte[] bytes(int address) {
        return chunks[address >>> CHUNK_SHIFT];
    }

    /** The chunks; another array after the next {@link #allocate}. */
    byte[][] chunks() {
        return chunks;
    }

    /** The number of the chunk that an entry lies in. */
    static int chunk(int address) {
        return address >>> CHUNK_SHIFT;
    }

    /** Where an entry starts in its array. */
    static int offset(int address) {
        return (address & UNIT_MASK) << UNIT_SHIFT;
    }

    /** Says that entries of at least so many bytes are about to come; 0 where no more is known. */
    void expect(long sizeBytes) {
        expectedBytes = sizeBytes;
    }

    /** Makes room for an entry. Units: {@code sizeBytes} is a multiple of 8. Errors: STATE_MEMORY. */
    int allocate(int sizeBytes) {
        int last = chunkCount - 1;
        if (last < 0 || chunkEnds[last] + sizeBytes > CHUNK_BYTES) {
            last = openChunk(sizeBytes);
        }
        int start = chunkEnds[last];
        int end = start + sizeBytes;
        if (end > chunks[last].length) {
            int target = Math.min(CHUNK_BYTES, Math.max(end, Math.max(chunks[last].length * 2, expectedEnd(start))));
            ledger.take(target - chunks[last].length);
            chunks[last] = Arrays.copyOf(chunks[last], target);
        }
        chunkEnds[last] = end;
        usedBytes += sizeBytes;
        if (expectedBytes > 0) {
            expectedBytes -= sizeBytes;
        }
        return (last << CHUNK_SHIFT) | (start >>> UNIT_SHIFT);
    }

    private int openChunk(int sizeBytes) {
        if (chunkCount == MAX_CHUNKS) {
            throw new MillraceException(
                    ErrorCode.STATE_MEMORY,
                    "Cannot add a key to a key group: usedBytes=%d, chunks=%d. Raise spark.sql.shuffle.partitions."
                            .formatted(usedBytes, chunkCount));
        }
        // The first unit of the first chunk stays free, so that no entry has the address NONE.
        int start = chunkCount == 0 ? 1 << UNIT_SHIFT : 0;
        int smallest = chunkCount == 0 ? FIRST_CHUNK_BYTES : LATER_CHUNK_BYTES;
        int length = Math.max(Math.max(smallest, start + sizeBytes), expectedEnd(start));
        ledger.take(length + StateLedger.ARRAY_HEADER_BYTES);
        if (chunkCount == chunks.length) {
            int capacity = Math.max(1, chunkCount * 2);
            chunks = Arrays.copyOf(chunks, capacity);
            chunkEnds = Arrays.copyOf(chunkEnds, capacity);
        }
        chunks[chunkCount] = new byte[length];
        chunkEnds[chunkCount] = start;
        return chunkCount++;
    }

    /** Up to where a chunk is filled for sure, from {@code start} on; a multiple of 8. */
    private int expectedEnd(int start) {
        return expectedBytes <= 0 ? 0 : (int) Math.min(CHUNK_BYTES, start + expectedBytes) & -(1 << UNIT_SHIFT);
    }

    /** An address above those of all entries, and not above those of entries to come. */
    int endAddress() {
        int last = chunkCount - 1;
        return last < 0 ? NONE : (last << CHUNK_SHIFT) + (Math.min(CHUNK_BYTES, chunkEnds[last]) >>> UNIT_SHIFT);
    }

    /** The first entry, or {@link #NONE}. */
    int first() {
        return chunkCount == 0 ? NONE : startOfChunk(0);
    }

    /** The entry behind one of that size, or {@link #NONE}. */
    int next(int address, int sizeBytes) {
        int chunk = address >>> CHUNK_SHIFT;
        int end = offset(address) + sizeBytes;
        return end < chunkEnds[chunk] ? address + (sizeBytes >>> UNIT_SHIFT) : startOfChunk(chunk + 1);
    }

    private int startOfChunk(int from) {
        for (int chunk = from; chunk < chunkCount; chunk++) {
            int start = chunk == 0 ? 1 << UNIT_SHIFT : 0;
            if (start < chunkEnds[chunk]) {
                return (chunk << CHUNK_SHIFT) | (start >>> UNIT_SHIFT);
            }
        }
        return NONE;
    }

    /** Gives back the chunks before the one that {@code address} lies in, or all for {@link #NONE}. */
    void dropChunksBefore(int address) {
        int limit = address == NONE ? chunkCount : address >>> CHUNK_SHIFT;
        for (int chunk = limit - 1; chunk >= 0 && chunks[chunk] != DROPPED; chunk--) {
            ledger.giveBack(chunks[chunk].length + StateLedger.ARRAY_HEADER_BYTES);
            chunks[chunk] = DROPPED;
        }
        if (address == NONE) {
            chunks = NO_CHUNKS;
            chunkEnds = NO_ENDS;
            chunkCount = 0;
            usedBytes = 0;
        }
    }

    /** Bytes of all entries, the removed ones included. */
    long usedBytes() {
        return usedBytes;
    }
}
