package dev.millrace.engine.page;

import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * A bounded run of rows. Starts small and grows to {@link #CAPACITY_BYTES}, so that at a trickle a
 * page costs a few hundred bytes; a single row above the capacity gets a page of its own size.
 *
 * <p>Layout, one record per row, each starting at a multiple of 8:
 * <pre>
 *   0         4          8                      8 + sizeBytes (padded to 8)
 *   +---------+----------+----------------------+
 *   |sizeBytes| keyGroup | row bytes            |
 *   +---------+----------+----------------------+
 * </pre>
 * {@code keyGroup} is what the exchange computed, or {@link #NO_KEY_GROUP}.
 *
 * <p>Thread: one owner at a time; ownership passes with the page through a channel.
 */
public final class Page {
    /** Rows beyond this many bytes open a new page. */
    public static final int CAPACITY_BYTES = 32 * 1024;

    /** The largest row that a page takes. */
    public static final int MAX_ROW_BYTES = 512 * 1024 * 1024;

    public static final int HEADER_BYTES = 8;
    public static final int NO_KEY_GROUP = -1;

    private static final int INITIAL_BYTES = 512;
    private static final VarHandle INT = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.nativeOrder());

    private byte[] bytes = new byte[INITIAL_BYTES];
    private int endOffset;
    private int rowCount;
    private long oldestReadNanos;
    private int inputPartition;

    /** Whether a row of this size may be appended; always true for an empty page. */
    public boolean hasRoomFor(int rowSizeBytes) {
        return rowCount == 0 || endOffset + recordBytes(rowSizeBytes) <= CAPACITY_BYTES;
    }

    /**
     * Appends a record and returns the offset in {@link #bytes()} at which the caller writes the
     * row's bytes. {@code bytes()} may be another array after this call.
     *
     * <p>Errors: ROW_TOO_LARGE above {@link #MAX_ROW_BYTES}.
     */
    public int reserve(int rowSizeBytes, int keyGroup, long readNanos) {
        if (rowSizeBytes > MAX_ROW_BYTES) {
            throw new MillraceException(
                    ErrorCode.ROW_TOO_LARGE,
                    "Cannot pass a row on: sizeBytes=%d, limit=%d. Split the value before it enters the stream."
                            .formatted(rowSizeBytes, MAX_ROW_BYTES));
        }
        int start = endOffset;
        int end = start + recordBytes(rowSizeBytes);
        if (end > bytes.length) {
            grow(end);
        }
        INT.set(bytes, start, rowSizeBytes);
        INT.set(bytes, start + 4, keyGroup);
        endOffset = end;
        if (rowCount++ == 0 || readNanos - oldestReadNanos < 0) {
            oldestReadNanos = readNanos;
        }
        return start + HEADER_BYTES;
    }

    /** Appends a copy of a row. */
    public void append(byte[] source, int sourceOffset, int rowSizeBytes, int keyGroup, long readNanos) {
        int offset = reserve(rowSizeBytes, keyGroup, readNanos);
        System.arraycopy(source, sourceOffset, bytes, offset, rowSizeBytes);
    }

    /**
     * The input partition of all its rows, as their producer tells them apart: see {@link
     * RowCursor#inputPartition}.
     */
    public int inputPartition() {
        return inputPartition;
    }

    /** Says of an empty page what its rows will be of. */
    public void inputPartition(int partition) {
        inputPartition = partition;
    }

    /**
     * Takes records that were put at the front of {@link #bytes()} as they lay in a page of another process.
     *
     * @param recordsBytes the size of the records in all
     * @return false, and the page stays empty, when the bytes are no such records
     */
    public boolean adopt(int recordsBytes, int records, int partition, long readNanos) {
        int offset = 0;
        int count = 0;
        while (recordsBytes - offset >= HEADER_BYTES) {
            int sizeBytes = rowSizeBytes(offset);
            if (sizeBytes < 0 || sizeBytes > recordsBytes - offset - HEADER_BYTES) {
                return false;
            }
            offset += recordBytes(sizeBytes);
            count++;
        }
        if (offset != recordsBytes || count != records) {
            return false;
        }
        endOffset = recordsBytes;
        rowCount = records;
        inputPartition = partition;
        oldestReadNanos = readNanos;
        return true;
    }

    /** Empties the page for another use; an oversized buffer is given back. */
    public void clear() {
        if (bytes.length > CAPACITY_BYTES) {
            bytes = new byte[INITIAL_BYTES];
        }
        endOffset = 0;
        rowCount = 0;
        inputPartition = 0;
    }

    /** Makes room for this many bytes of records, so that rows up to there move nothing. */
    public void ensureCapacity(int sizeBytes) {
        if (bytes.length < sizeBytes) {
            bytes = Arrays.copyOf(bytes, sizeBytes);
        }
    }

    /** Bytes of records that fit before the page grows. */
    public int capacityBytes() {
        return bytes.length;
    }

    public byte[] bytes() {
        return bytes;
    }

    /** Offset behind the last record; records are walked from 0 by {@link #nextRecord}. */
    public int endOffset() {
        return endOffset;
    }

    public int rowCount() {
        return rowCount;
    }

    public boolean isEmpty() {
        return rowCount == 0;
    }

    /** Units: {@link System#nanoTime} of this process when the page's oldest row was read. */
    public long oldestReadNanos() {
        return oldestReadNanos;
    }

    public int rowSizeBytes(int recordOffset) {
        return (int) INT.get(bytes, recordOffset);
    }

    public int keyGroup(int recordOffset) {
        return (int) INT.get(bytes, recordOffset + 4);
    }

    /** Offset of the record behind the one at {@code recordOffset}. */
    public int nextRecord(int recordOffset) {
        return recordOffset + recordBytes(rowSizeBytes(recordOffset));
    }

    /** Bytes that a row takes in a page, its header included. */
    public static int recordBytes(int rowSizeBytes) {
        return (HEADER_BYTES + rowSizeBytes + 7) & ~7;
    }

    private void grow(int neededBytes) {
        int doubled = Math.max(bytes.length * 2, INITIAL_BYTES);
        int target =
                neededBytes > CAPACITY_BYTES ? neededBytes : Math.min(CAPACITY_BYTES, Math.max(doubled, neededBytes));
        bytes = Arrays.copyOf(bytes, Math.max(target, neededBytes));
    }
}
