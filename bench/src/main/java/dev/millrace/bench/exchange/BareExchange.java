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
import java.net.InetSocketAddress;
import org.apache.spark.SparkConf;
import org.apache.spark.network.netty.SparkTransportConf;
import org.apache.spark.network.util.IOMode;
import org.apache.spark.network.util.NettyUtils;
import scala.Option;

/**
 * One end of a connection without anything of Millrace's: buffers as large as a page are copied from an array into
 * the socket as long as it takes them, and are counted at the other end. The kind of sockets is what Spark's settings give.
 */
final class BareExchange {
    private static final String HOST = "127.0.0.1";

    private final IOMode mode = IOMode.valueOf(
            SparkTransportConf.fromSparkConf(new SparkConf(false), "rpc", 1, Option.empty(), Option.empty())
                    .ioMode());
    private final EventLoopGroup loop = NettyUtils.createEventLoop(mode, 1, "bare");

    /** Says the port; what comes is counted until the process ends. */
    void receive(ByteMeter meter) throws InterruptedException {
        ChannelInboundHandlerAdapter counting = new ChannelInboundHandlerAdapter() {
            @Override
            public void channelRead(ChannelHandlerContext ctx, Object message) {
                ByteBuf bytes = (ByteBuf) message;
                meter.add(bytes.readableBytes());
                bytes.release();
            }
        };
        Channel bound = new ServerBootstrap()
                .group(loop, loop)
                .channel(NettyUtils.getServerChannelClass(mode))
                .childHandler(counting)
                .bind(new InetSocketAddress(HOST, 0))
                .sync()
                .channel();
        System.out.printf("ready {\"port\":%d}%n", ((InetSocketAddress) bound.localAddress()).getPort());
    }

    /** Sends as much as the socket takes, until the process ends. */
    void send(int port) throws InterruptedException {
        byte[] page = new byte[Page.CAPACITY_BYTES];
        ChannelInboundHandlerAdapter filling = new ChannelInboundHandlerAdapter() {
            @Override
            public void channelActive(ChannelHandlerContext ctx) {
                fill(ctx);
            }

            @Override
            public void channelWritabilityChanged(ChannelHandlerContext ctx) {
                fill(ctx);
            }

            private void fill(ChannelHandlerContext ctx) {
                while (ctx.channel().isWritable()) {
                    ctx.write(ctx.alloc().directBuffer(page.length).writeBytes(page), ctx.voidPromise());
                }
                ctx.flush();
            }
        };
        new Bootstrap()
                .group(loop)
                .channel(NettyUtils.getClientChannelClass(mode))
                .option(ChannelOption.TCP_NODELAY, true)
                .handler(filling)
                .connect(HOST, port)
                .sync();
    }
}
