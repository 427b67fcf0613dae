package dev.millrace.engine.network;

import com.github.luben.zstd.Zstd;
import com.github.luben.zstd.ZstdException;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.engine.network.FrameHandler.PageHeader;
import dev.millrace.engine.page.Page;
import dev.millrace.engine.stream.Item;
import io.netty.buffer.ByteBuf;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/**
 * Makes frames of the bytes that come in, however they are cut. Rows go from the buffer straight into the
 * page that their consumer will have. A length is checked before anything is kept for it, and memory for a
 * large row is taken as its bytes come.
 *
 * <p>Thread: the connection's event loop. Errors: CONNECTION_FAILED; the reader must not be used again.
 */
final class FrameReader {
    private static final byte NONE = 0;

    /** Bytes that are kept for a frame because it announced them; more only once these have come. */
    private static final int TRUSTED_BYTES = 1 << 20;

    private final byte[] small = new byte[Frames.MAX_SMALL_BYTES];
    private final ByteBuffer fields = ByteBuffer.wrap(small);
    private int smallBytes;
    private byte kind = NONE;
    private int channel;
    private int bodyBytes;

    private @Nullable Page page;
    private PageHeader header = new PageHeader(0, 0, 0);
    private byte[] packed = new byte[0];
    private int unpackedBytes;
    private int rowsBytes;
    private int rowsBytesRead;

    /** Takes all bytes of a buffer, which the caller keeps. */
    void read(ByteBuf in, FrameHandler to) {
        while (in.isReadable()) {
            if (page != null) {
                readRows(in, page, to);
            } else if (kind == NONE) {
                readHeader(in, to);
            } else if (hasRows()) {
                readRowsHeader(in, to);
            } else if (fill(in, bodyBytes)) {
                handOver(to);
            }
        }
    }

    private boolean hasRows() {
        return kind == Frames.ROWS || kind == Frames.ROWS_ZSTD;
    }

    /** True when {@code wanted} bytes lie at the front of {@code small}. */
    private boolean fill(ByteBuf in, int wanted) {
        int more = Math.min(wanted - smallBytes, in.readableBytes());
        in.readBytes(small, smallBytes, more);
        smallBytes += more;
        if (smallBytes < wanted) {
            return false;
        }
        smallBytes = 0;
        return true;
    }

    private void readHeader(ByteBuf in, FrameHandler to) {
        if (!fill(in, Frames.HEADER_BYTES)) {
            return;
        }
        int length = fields.getInt(0);
        kind = small[4];
        channel = fields.getInt(5);
        bodyBytes = length - Frames.COUNTED_HEADER_BYTES;
        long most =
                hasRows() ? (long) Frames.ROWS_ZSTD_HEADER_BYTES + Frames.MAX_RECORDS_BYTES : Frames.MAX_SMALL_BYTES;
        int least =
                switch (kind) {
                    case Frames.ROWS -> Frames.ROWS_HEADER_BYTES + Page.HEADER_BYTES;
                    case Frames.ROWS_ZSTD -> Frames.ROWS_ZSTD_HEADER_BYTES + 1;
                    case Frames.WATERMARK, Frames.PING -> Long.BYTES;
                    case Frames.BARRIER, Frames.PONG -> 2 * Long.BYTES;
                    case Frames.CREDIT -> Integer.BYTES;
                    case Frames.IDLE, Frames.WELCOME, Frames.REFUSED -> 0;
                    default -> throw Frames.malformed("frame of kind=%d".formatted(kind));
                };
        if (bodyBytes < least || bodyBytes > most) {
            throw Frames.malformed(
                    "frame of kind=%d with length=%d, least=%d, most=%d".formatted(kind, length, least, most));
        }
        if (bodyBytes == 0) {
            handOver(to);
        }
    }

    private void handOver(FrameHandler to) {
        byte done = kind;
        kind = NONE;
        switch (done) {
            case Frames.BARRIER -> to.mark(channel, new Item.Barrier(fields.getLong(0), fields.getLong(Long.BYTES)));
            case Frames.WATERMARK -> to.mark(channel, new Item.Watermark(fields.getLong(0)));
            case Frames.IDLE -> to.mark(channel, Item.Idle.INSTANCE);
            case Frames.CREDIT -> to.credit(channel, fields.getInt(0));
            case Frames.PING -> to.ping(fields.getLong(0));
            case Frames.PONG -> to.pong(fields.getLong(0), fields.getLong(Long.BYTES));
            case Frames.WELCOME -> to.welcome();
            default -> to.refused(new String(small, 0, bodyBytes, StandardCharsets.UTF_8));
        }
    }

    private void readRowsHeader(ByteBuf in, FrameHandler to) {
        boolean isPacked = kind == Frames.ROWS_ZSTD;
        int headerBytes = isPacked ? Frames.ROWS_ZSTD_HEADER_BYTES : Frames.ROWS_HEADER_BYTES;
        if (!fill(in, headerBytes)) {
            return;
        }
        header = new PageHeader(fields.getInt(0), fields.getInt(4), fields.getLong(8));
        rowsBytes = bodyBytes - headerBytes;
        rowsBytesRead = 0;
        unpackedBytes = isPacked ? fields.getInt(Frames.ROWS_HEADER_BYTES) : rowsBytes;
        if (unpackedBytes < Page.HEADER_BYTES || unpackedBytes > Frames.MAX_RECORDS_BYTES) {
            throw Frames.malformed("page of %d bytes, most=%d".formatted(unpackedBytes, Frames.MAX_RECORDS_BYTES));
        }
        page = to.pageFor(channel);
    }

    private void readRows(ByteBuf in, Page into, FrameHandler to) {
        int more = Math.min(rowsBytes - rowsBytesRead, in.readableBytes());
        in.readBytes(room(into, rowsBytesRead + more), rowsBytesRead, more);
        rowsBytesRead += more;
        if (rowsBytesRead == rowsBytes) {
            if (kind == Frames.ROWS_ZSTD) {
                unpack(into);
            }
            page = null;
            kind = NONE;
            to.rows(channel, header, into, unpackedBytes);
        }
    }

    /** An array for the bytes under way in which at least {@code neededBytes} fit. */
    private byte[] room(Page into, int neededBytes) {
        boolean isPacked = kind == Frames.ROWS_ZSTD;
        int has = isPacked ? packed.length : into.bytes().length;
        if (has >= neededBytes) {
            return isPacked ? packed : into.bytes();
        }
        long doubled = Math.max(TRUSTED_BYTES, 2L * neededBytes);
        int sizeBytes = (int) Math.min(rowsBytes, doubled);
        if (isPacked) {
            packed = java.util.Arrays.copyOf(packed, sizeBytes);
            return packed;
        }
        into.ensureCapacity(sizeBytes);
        return into.bytes();
    }

    private void unpack(Page into) {
        long announced = Zstd.getFrameContentSize(packed, 0, rowsBytes);
        if (announced != unpackedBytes) {
            throw unpackable("%d bytes".formatted(announced), null);
        }
        into.ensureCapacity(unpackedBytes);
        try {
            long size = Zstd.decompressByteArray(into.bytes(), 0, unpackedBytes, packed, 0, rowsBytes);
            if (size != unpackedBytes) {
                throw unpackable("%d bytes".formatted(size), null);
            }
        } catch (ZstdException e) {
            throw unpackable(String.valueOf(e.getMessage()), e);
        }
        if (packed.length > TRUSTED_BYTES) {
            packed = new byte[0];
        }
    }

    private MillraceException unpackable(String found, @Nullable Throwable cause) {
        return Frames.malformed(
                "compressed page of %d bytes: %s, not the %d bytes that it announced"
                        .formatted(rowsBytes, found, unpackedBytes),
                cause);
    }
}
