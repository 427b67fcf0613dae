package dev.millrace.engine.network;

import dev.millrace.engine.error.MillraceException;
import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.util.ReferenceCountUtil;
import java.util.concurrent.TimeUnit;

/**
 * Waits for the first frame of a connection that has come in, and makes way for the link that is expected; else
 * it says no and hangs up.
 *
 * <p>Thread: the connection's event loop. Bounds: one frame without rows.
 */
final class Greeting extends ChannelInboundHandlerAdapter {
    /** Who has not said by then what it wants never will. */
    private static final long PATIENCE_SECONDS = 10;

    private final Reception reception;
    private final byte[] frame = new byte[Frames.HEADER_BYTES + Frames.MAX_SMALL_BYTES];
    private int frameBytes;
    private boolean isOver;

    Greeting(Reception reception) {
        this.reception = reception;
    }

    @Override
    public void handlerAdded(ChannelHandlerContext ctx) {
        ctx.executor().schedule(() -> hangUp(ctx), PATIENCE_SECONDS, TimeUnit.SECONDS);
    }

    private void hangUp(ChannelHandlerContext ctx) {
        if (!isOver) {
            isOver = true;
            ctx.close();
        }
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) {
        try {
            if (!isOver) {
                read(ctx, (ByteBuf) message);
            }
        } catch (MillraceException e) {
            refuse(ctx, String.valueOf(e.getMessage()));
        } finally {
            ReferenceCountUtil.release(message);
        }
    }

    private void read(ChannelHandlerContext ctx, ByteBuf in) {
        if (!fill(in, Frames.HEADER_BYTES)) {
            return;
        }
        java.nio.ByteBuffer fields = java.nio.ByteBuffer.wrap(frame);
        int bodyBytes = fields.getInt(0) - Frames.COUNTED_HEADER_BYTES;
        if (frame[4] != Frames.HELLO || bodyBytes < 0 || bodyBytes > Frames.MAX_SMALL_BYTES) {
            throw Frames.malformed("first frame of kind=%d with %d bytes".formatted(frame[4], bodyBytes));
        }
        if (!fill(in, Frames.HEADER_BYTES + bodyBytes)) {
            return;
        }
        if (in.isReadable()) {
            throw Frames.malformed("%d bytes behind a hello".formatted(in.readableBytes()));
        }
        byte[] body = java.util.Arrays.copyOfRange(frame, Frames.HEADER_BYTES, frameBytes);
        greet(ctx, Frames.hello(body, bodyBytes));
    }

    private boolean fill(ByteBuf in, int wanted) {
        int more = Math.max(0, Math.min(wanted - frameBytes, in.readableBytes()));
        in.readBytes(frame, frameBytes, more);
        frameBytes += more;
        return frameBytes >= wanted;
    }

    private void greet(ChannelHandlerContext ctx, Hello hello) {
        PeerLink link = reception.admit(hello);
        if (link == null) {
            refuse(
                    ctx,
                    "attempt=%s, from worker=%d to worker=%d, is not expected here, or has been here before"
                            .formatted(hello.attempt(), hello.from(), hello.to()));
            return;
        }
        isOver = true;
        ctx.pipeline().replace(this, null, link);
    }

    private void refuse(ChannelHandlerContext ctx, String why) {
        reception.refused("%s: %s".formatted(ctx.channel().remoteAddress(), why));
        isOver = true;
        ByteBuf answer = ctx.alloc().buffer();
        Frames.refused(answer, why);
        ctx.writeAndFlush(answer).addListener(ChannelFutureListener.CLOSE);
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
        hangUp(ctx);
    }
}
