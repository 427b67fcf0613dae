package dev.millrace.engine.network;

import dev.millrace.engine.error.MillraceException;
import io.netty.bootstrap.Bootstrap;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.SocketChannel;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.channel.socket.nio.NioSocketChannel;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/** One worker's listening port and its connections to others, over loopback, as plain as can be. */
final class LoopbackNetwork implements AutoCloseable {
    final List<String> refused = new CopyOnWriteArrayList<>();
    final Reception reception = new Reception(refused::add);
    private final MultiThreadIoEventLoopGroup loops = new MultiThreadIoEventLoopGroup(2, NioIoHandler.newFactory());
    private final Channel server;

    LoopbackNetwork() {
        server = new ServerBootstrap()
                .group(loops)
                .channel(NioServerSocketChannel.class)
                .childHandler(new ChannelInitializer<SocketChannel>() {
                    @Override
                    protected void initChannel(SocketChannel channel) {
                        channel.pipeline().addLast(reception.greeting());
                    }
                })
                .bind(InetAddress.getLoopbackAddress(), 0)
                .syncUninterruptibly()
                .channel();
    }

    InetSocketAddress address() {
        return (InetSocketAddress) server.localAddress();
    }

    Channel connect(InetSocketAddress to, ChannelHandler handler) {
        return new Bootstrap()
                .group(loops)
                .channel(NioSocketChannel.class)
                .handler(handler)
                .connect(to)
                .syncUninterruptibly()
                .channel();
    }

    @Override
    public void close() {
        server.close().syncUninterruptibly();
        loops.shutdownGracefully(0, 0, java.util.concurrent.TimeUnit.SECONDS).syncUninterruptibly();
    }

    /** Keeps what it hears. */
    static final class Heard implements LinkListener {
        final List<PeerLink> opened = new CopyOnWriteArrayList<>();
        final List<MillraceException> failures = new CopyOnWriteArrayList<>();

        @Override
        public void opened(PeerLink link) {
            opened.add(link);
        }

        @Override
        public void failed(PeerLink link, MillraceException cause) {
            failures.add(cause);
        }
    }
}
