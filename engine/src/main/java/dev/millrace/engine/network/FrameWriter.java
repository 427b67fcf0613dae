package dev.millrace.engine.network;

import com.github.luben.zstd.Zstd;
import dev.millrace.engine.page.Page;
import dev.millrace.engine.stream.Item;
import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import org.jspecify.annotations.Nullable;

/**
 * Writes frames one behind the other into buffers, so that many small ones cost one system call.
 *
 * <p>Thread: the connection's event loop. Lifetime: what is written goes out at {@link #flush}, or earlier.
 */
final class FrameWriter {
    private static final int BUFFER_BYTES = 64 * 1024;

    /** Below this, compression gains nothing that a packet would show. */
    private static final int LEAST_COMPRESSED_BYTES = 512;

    private static final int ZSTD_LEVEL = 1;

    private final ChannelHandlerContext context;
    private final boolean compresses;
    private byte[] packed = new byte[0];
    private @Nullable ByteBuf buffer;

    FrameWriter(ChannelHandlerContext context, boolean compresses) {
        this.context = context;
        this.compresses = compresses;
    }

    /** Whether the connection takes more rows for now. */
    boolean mayWrite() {
        return context.channel().isWritable();
    }

    /** Writes the rows of a page, which the caller keeps. */
    void rows(int channel, Page page) {
        int recordsBytes = page.endOffset();
        if (compresses && recordsBytes >= LEAST_COMPRESSED_BYTES) {
            int packedBytes = pack(page.bytes(), recordsBytes);
            if (packedBytes < recordsBytes) {
                ByteBuf to = begin(Frames.ROWS_ZSTD, channel, Frames.ROWS_ZSTD_HEADER_BYTES + packedBytes);
                header(to, page);
                to.writeInt(recordsBytes).writeBytes(packed, 0, packedBytes);
                return;
            }
        }
        ByteBuf to = begin(Frames.ROWS, channel, Frames.ROWS_HEADER_BYTES + recordsBytes);
        header(to, page);
        to.writeBytes(page.bytes(), 0, recordsBytes);
    }

    private static void header(ByteBuf to, Page page) {
        to.writeInt(page.inputPartition()).writeInt(page.rowCount()).writeLong(page.oldestReadNanos());
    }

    private int pack(byte[] bytes, int sizeBytes) {
        int bound = Math.toIntExact(Zstd.compressBound(sizeBytes));
        byte[] into = packed;
        if (into.length < bound) {
            into = new byte[bound];
            packed = into;
        }
        return (int) Zstd.compressByteArray(into, 0, into.length, bytes, 0, sizeBytes, ZSTD_LEVEL);
    }

    /** Writes what is not rows. */
    void mark(int channel, Item mark) {
        if (mark instanceof Item.Barrier barrier) {
            begin(Frames.BARRIER, channel, 2 * Long.BYTES)
                    .writeLong(barrier.epoch())
                    .writeLong(barrier.watermarkMicros());
        } else if (mark instanceof Item.Watermark watermark) {
            begin(Frames.WATERMARK, channel, Long.BYTES).writeLong(watermark.micros());
        } else {
            ByteBuf unused = begin(Frames.IDLE, channel, 0);
        }
    }

    /** The other end may send so many items more. */
    void credit(int channel, int items) {
        begin(Frames.CREDIT, channel, Integer.BYTES).writeInt(items);
    }

    void ping(long nanos) {
        begin(Frames.PING, Frames.NO_CHANNEL, Long.BYTES).writeLong(nanos);
    }

    void pong(long askedNanos, long nanos) {
        begin(Frames.PONG, Frames.NO_CHANNEL, 2 * Long.BYTES)
                .writeLong(askedNanos)
                .writeLong(nanos);
    }

    void hello(Hello hello) {
        Frames.hello(bufferFor(Frames.MAX_SMALL_BYTES), hello);
    }

    void welcome() {
        ByteBuf unused = begin(Frames.WELCOME, Frames.NO_CHANNEL, 0);
    }

    private ByteBuf begin(byte kind, int channel, int bodyBytes) {
        ByteBuf to = bufferFor(Frames.HEADER_BYTES + bodyBytes);
        Frames.header(to, kind, channel, bodyBytes);
        return to;
    }

    private ByteBuf bufferFor(int frameBytes) {
        ByteBuf current = buffer;
        if (current != null && current.writableBytes() < frameBytes) {
            handOn(current);
            current = null;
        }
        if (current == null) {
            current = context.alloc().ioBuffer(Math.max(BUFFER_BYTES, frameBytes));
            buffer = current;
        }
        return current;
    }

    private void handOn(ByteBuf full) {
        buffer = null;
        context.write(full).addListener(ChannelFutureListener.FIRE_EXCEPTION_ON_FAILURE);
    }

    /** Sends all that was written. */
    void flush() {
        ByteBuf current = buffer;
        if (current != null) {
            handOn(current);
        }
        context.flush();
    }

    /** Gives up what was not sent. */
    void release() {
        ByteBuf current = buffer;
        if (current != null) {
            buffer = null;
            current.release();
        }
    }
}
