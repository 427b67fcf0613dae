package dev.millrace.bench.exchange;

import dev.millrace.engine.page.Page;
import io.netty.bootstrap.Bootstrap;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.WriteBufferWaterMark;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.net.InetSocketAddress;
import java.nio.ByteOrder;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.locks.LockSupport;
import org.apache.spark.SparkConf;
import org.apache.spark.network.netty.SparkTransportConf;
import org.apache.spark.network.util.IOMode;
import org.apache.spark.network.util.NettyUtils;
import scala.Option;

/**
 * One end of a connection without anything of Millrace's: a thread writes rows into an array as large as a page, which the
 * event loop sends, and at the other end another thread reads each row where the socket put it. It has no frames, no
 * credits and no channels, copies nothing at the receiving end and checks nothing. The kind of sockets is what Spark's
 * settings give.
 */
final class BareExchange {
    private static final String HOST = "127.0.0.1";

    /** Buffers on their way from one thread to the other, as many as Millrace's channels hold pages. */
    private static final int BUFFER_COUNT = dev.millrace.engine.exchange.Channel.CAPACITY;

    /** The same as Millrace's. */
    private static final WriteBufferWaterMark WATER_MARK = new WriteBufferWaterMark(128 * 1024, 512 * 1024);

    /** So many arrays cost one system call. */
    private static final int FLUSHED_AT_ONCE = 4;

    private static final VarHandle INT = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.nativeOrder());

    private final IOMode mode = IOMode.valueOf(
            SparkTransportConf.fromSparkConf(new SparkConf(false), "rpc", 1, Option.empty(), Option.empty())
                    .ioMode());
    private final EventLoopGroup loop = NettyUtils.createEventLoop(mode, 1, "bare");

    /** Says the port, and reads what comes; never returns. */
    void receive(ByteMeter meter) throws InterruptedException {
        BlockingQueue<ByteBuf> arrived = new ArrayBlockingQueue<>(BUFFER_COUNT);
        ChannelInboundHandlerAdapter handingOn = new ChannelInboundHandlerAdapter() {
            @Override
            public void channelRead(ChannelHandlerContext ctx, Object message) throws InterruptedException {
                arrived.put((ByteBuf) message);
            }
        };
        Channel bound = new ServerBootstrap()
                .group(loop, loop)
                .channel(NettyUtils.getServerChannelClass(mode))
                .childHandler(handingOn)
                .bind(new InetSocketAddress(HOST, 0))
                .sync()
                .channel();
        System.out.printf("ready {\"port\":%d}%n", ((InetSocketAddress) bound.localAddress()).getPort());
        int rest = 0;
        while (true) {
            ByteBuf bytes = arrived.take();
            int size = bytes.readableBytes();
            rest = readRows(bytes, rest, meter);
            meter.add(size);
            bytes.release();
        }
    }

    /**
     * Reads the first byte of each row that begins in a buffer.
     *
     * @param rest bytes of the row before that lie in this buffer
     * @return bytes of the last row that lie in the next one
     */
    private static int readRows(ByteBuf bytes, int rest, ByteMeter meter) {
        int index = bytes.readerIndex() + rest;
        int end = bytes.writerIndex();
        for (; index < end; index += ExchangeRows.RECORD_BYTES) {
            if (end - index >= ExchangeRows.RECORD_BYTES) { // else it is cut, and one in many need not be read
                meter.row(bytes.getByte(index + Page.HEADER_BYTES));
            }
        }
        return index - end;
    }

    /** Sends rows; never returns. */
    void send(int port) throws InterruptedException {
        Thread filling = Thread.currentThread();
        ChannelInboundHandlerAdapter wakingUp = new ChannelInboundHandlerAdapter() {
            @Override
            public void channelWritabilityChanged(ChannelHandlerContext ctx) {
                if (ctx.channel().isWritable()) {
                    LockSupport.unpark(filling);
                }
            }
        };
        Channel channel = new Bootstrap()
                .group(loop)
                .channel(NettyUtils.getClientChannelClass(mode))
                .option(ChannelOption.TCP_NODELAY, true)
                .option(ChannelOption.WRITE_BUFFER_WATER_MARK, WATER_MARK)
                .handler(wakingUp)
                .connect(HOST, port)
                .sync()
                .channel();
        byte[] row = new byte[ExchangeRows.ROW_BYTES];
        byte[] rows = new byte[Page.CAPACITY_BYTES];
        for (long written = 1; true; written++) {
            fill(rows, row);
            channel.write(channel.alloc().directBuffer(rows.length).writeBytes(rows), channel.voidPromise());
            boolean isWritable = channel.isWritable();
            if (!isWritable || written % FLUSHED_AT_ONCE == 0) {
                channel.flush();
            }
            while (!isWritable) {
                LockSupport.park(this);
                isWritable = channel.isWritable();
            }
        }
    }

    private static void fill(byte[] rows, byte[] row) {
        for (int at = 0; at + ExchangeRows.RECORD_BYTES <= rows.length; at += ExchangeRows.RECORD_BYTES) {
            INT.set(rows, at, row.length);
            System.arraycopy(row, 0, rows, at + Page.HEADER_BYTES, row.length);
        }
    }
}
