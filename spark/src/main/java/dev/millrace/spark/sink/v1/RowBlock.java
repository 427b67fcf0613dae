package dev.millrace.spark.sink.v1;

import com.github.luben.zstd.Zstd;
import com.github.luben.zstd.ZstdException;
import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.engine.page.Page;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.zip.CRC32C;
import org.apache.spark.sql.catalyst.expressions.UnsafeRow;
import org.apache.spark.unsafe.Platform;

/**
 * Rows one behind the other, filled up and then packed.
 *
 * <p>Layout, the most significant byte first; sizes are of bytes, rows in Spark's own layout and padded to 8:
 * <pre>
 *   packed block:  raw size | packed size | crc32c of the packed bytes | zstd(rows)
 *                      4           4                   4
 *   row:           size | padding | bytes
 *                    4       4
 * </pre>
 *
 * <p>Thread: one owner. Bounds: {@link #CAPACITY_BYTES}, or one larger row.
 */
final class RowBlock {
    static final int HEADER_BYTES = 12;

    private static final int CAPACITY_BYTES = 64 * 1024;
    private static final int FIRST_BYTES = 1024;
    private static final int ROW_HEADER_BYTES = 8;
    private static final int ZSTD_LEVEL = 1;
    private static final long MAX_PACKED_BYTES = Zstd.compressBound((long) ROW_HEADER_BYTES + Page.MAX_ROW_BYTES);

    private byte[] bytes;
    private int endOffset;
    private int position;

    RowBlock() {
        this(new byte[FIRST_BYTES], 0);
    }

    private RowBlock(byte[] bytes, int endOffset) {
        this.bytes = bytes;
        this.endOffset = endOffset;
    }

    boolean isEmpty() {
        return endOffset == 0;
    }

    /** Whether a row may be added; always, when there is none yet. */
    boolean hasRoomFor(UnsafeRow row) {
        return endOffset == 0 || endOffset + ROW_HEADER_BYTES + row.getSizeInBytes() <= CAPACITY_BYTES;
    }

    /** Adds a copy of a row. */
    void add(UnsafeRow row) {
        int sizeBytes = row.getSizeInBytes();
        int needed = Math.addExact(endOffset, ROW_HEADER_BYTES + sizeBytes);
        if (needed > bytes.length) {
            bytes = Arrays.copyOf(bytes, Math.max(needed, Math.min(CAPACITY_BYTES, bytes.length * 2)));
        }
        ByteBuffer.wrap(bytes).putInt(endOffset, sizeBytes);
        row.writeToMemory(bytes, Platform.BYTE_ARRAY_OFFSET + endOffset + ROW_HEADER_BYTES);
        endOffset = needed;
    }

    int rawBytes() {
        return endOffset;
    }

    void clear() {
        endOffset = 0;
        if (bytes.length > CAPACITY_BYTES) {
            bytes = new byte[CAPACITY_BYTES];
        }
    }

    byte[] pack() {
        byte[] packed = new byte[Math.toIntExact(HEADER_BYTES + Zstd.compressBound(endOffset))];
        int packedBytes = (int) Zstd.compressByteArray(
                packed, HEADER_BYTES, packed.length - HEADER_BYTES, bytes, 0, endOffset, ZSTD_LEVEL);
        ByteBuffer.wrap(packed).putInt(endOffset).putInt(packedBytes).putInt(crc(packed, HEADER_BYTES, packedBytes));
        return Arrays.copyOf(packed, HEADER_BYTES + packedBytes);
    }

    /** How many bytes follow a block's header. Errors: STATE_CORRUPT where no block is so large. */
    static int packedBytes(byte[] header, String where) {
        int packedBytes = ByteBuffer.wrap(header).getInt(4);
        if (packedBytes < 0 || packedBytes > MAX_PACKED_BYTES) {
            throw corrupt(where, "packedBytes=%d, limit=%d".formatted(packedBytes, MAX_PACKED_BYTES));
        }
        return packedBytes;
    }

    /**
     * A block as it was packed, to be read from its first row.
     *
     * @param where names it in an error
     *
     * <p>Errors: STATE_CORRUPT.
     */
    static RowBlock unpack(byte[] packed, String where) {
        ByteBuffer header = ByteBuffer.wrap(packed);
        int rawBytes = header.getInt();
        int packedBytes = header.getInt();
        int expected = header.getInt();
        if (packedBytes != packed.length - HEADER_BYTES || rawBytes < 0 || rawBytes > MAX_PACKED_BYTES) {
            throw corrupt(where, "packedBytes=%d, rawBytes=%d".formatted(packedBytes, rawBytes));
        }
        int actual = crc(packed, HEADER_BYTES, packedBytes);
        if (actual != expected) {
            throw corrupt(where, "crc32c=%08x, expected %08x".formatted(actual, expected));
        }
        byte[] raw = new byte[rawBytes];
        try {
            long size = Zstd.decompressByteArray(raw, 0, rawBytes, packed, HEADER_BYTES, packedBytes);
            if (size != rawBytes) {
                throw corrupt(where, "rawBytes=%d, expected %d".formatted(size, rawBytes));
            }
        } catch (ZstdException e) {
            throw corrupt(where, "error=" + e.getMessage());
        }
        return new RowBlock(raw, rawBytes);
    }

    boolean hasRow() {
        return position < endOffset;
    }

    /** Points a row at the next one. */
    void next(UnsafeRow row) {
        int sizeBytes = ByteBuffer.wrap(bytes).getInt(position);
        int start = position + ROW_HEADER_BYTES;
        row.pointTo(bytes, Platform.BYTE_ARRAY_OFFSET + start, sizeBytes);
        position = start + sizeBytes;
    }

    static MillraceException corrupt(String where, String fact) {
        return new MillraceException(
                ErrorCode.STATE_CORRUPT,
                "Cannot read the rows of an epoch back: file=%s, %s. Restore the file from a copy, or start with a new checkpoint location."
                        .formatted(where, fact));
    }

    private static int crc(byte[] bytes, int offset, int sizeBytes) {
        CRC32C crc = new CRC32C();
        crc.update(bytes, offset, sizeBytes);
        return (int) crc.getValue();
    }
}
