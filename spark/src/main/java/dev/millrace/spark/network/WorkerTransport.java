package dev.millrace.spark.network;

import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.engine.network.PeerLink;
import dev.millrace.engine.network.Reception;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelPipeline;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.spark.SecurityManager;
import org.apache.spark.SparkConf;
import org.apache.spark.network.TransportContext;
import org.apache.spark.network.client.RpcResponseCallback;
import org.apache.spark.network.client.TransportClient;
import org.apache.spark.network.client.TransportClientBootstrap;
import org.apache.spark.network.client.TransportClientFactory;
import org.apache.spark.network.crypto.AuthClientBootstrap;
import org.apache.spark.network.crypto.AuthServerBootstrap;
import org.apache.spark.network.netty.SparkTransportConf;
import org.apache.spark.network.server.OneForOneStreamManager;
import org.apache.spark.network.server.RpcHandler;
import org.apache.spark.network.server.StreamManager;
import org.apache.spark.network.server.TransportServer;
import org.apache.spark.network.server.TransportServerBootstrap;
import org.apache.spark.network.util.TransportConf;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import scala.Option;

/**
 * One worker's port, and its connections to other workers' ports. Spark's transport makes them, under the
 * application's own settings for authentication, encryption and TLS. One call then tells the other end what
 * the connection is for, and both ends put their own handler in the place of Spark's messages: what encrypts
 * stays before it, and the bytes between are ours. So rows cost one copy and no message of Spark's, which
 * would take two system calls for each page, and whoever cannot authenticate never gets that far.
 *
 * <p>Thread: any. Errors: CONNECTION_FAILED.
 *
 * <p>Source: Spark's NettyBlockTransferService, which opens its connections the same way.
 */
public final class WorkerTransport implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(WorkerTransport.class);

    /** Spark's settings for connections of its processes, {@code spark.rpc.io.*}, hold for these too. */
    private static final String MODULE = "rpc";

    private static final byte[] UPGRADE = "millrace exchange 1".getBytes(StandardCharsets.UTF_8);

    /** What {@link TransportContext} puts behind the handlers that encrypt. */
    private static final List<String> MESSAGE_HANDLERS =
            List.of("chunkedWriter", "encoder", "frameDecoder", "decoder", "idleStateHandler", "handler");

    private final Reception reception;
    private final TransportConf conf;
    private final TransportContext context;
    private final TransportServer server;
    private final TransportClientFactory clients;

    private WorkerTransport(SparkConf conf, SecurityManager security, Address bound, int threads, Reception reception) {
        this.reception = reception;
        this.conf = SparkTransportConf.fromSparkConf(
                conf, MODULE, threads, Option.empty(), Option.apply(security.getRpcSSLOptions()));
        this.context = new TransportContext(this.conf, new Upgrade());
        boolean authenticates = security.isAuthenticationEnabled();
        List<TransportServerBootstrap> ofServer =
                authenticates ? List.of(new AuthServerBootstrap(this.conf, security)) : List.of();
        List<TransportClientBootstrap> ofClients =
                authenticates ? List.of(new AuthClientBootstrap(this.conf, conf.getAppId(), security)) : List.of();
        this.server = context.createServer(bound.host(), bound.port(), ofServer);
        this.clients = context.createClientFactory(ofClients);
    }

    /** A host and a port; port 0 is any that is free. */
    public record Address(String host, int port) {}

    /**
     * Opens a worker's port.
     *
     * @param conf the application's settings
     * @param security the application's secrets
     * @param bound where to listen
     * @param threads event loops each for connections that come in and those that go out
     * @param reception who is let in
     */
    public static WorkerTransport open(
            SparkConf conf, SecurityManager security, Address bound, int threads, Reception reception) {
        return new WorkerTransport(conf, security, bound, threads, reception);
    }

    /** The port that others connect to. */
    public int port() {
        return server.getPort();
    }

    /**
     * Connects a link to the worker at an address; waits until that worker has authenticated this one and has
     * taken the connection over.
     */
    public void connect(Address to, PeerLink link) throws InterruptedException {
        CompletableFuture<Void> upgraded = new CompletableFuture<>();
        try {
            TransportClient client = clients.createUnmanagedClient(to.host(), to.port());
            client.sendRpc(ByteBuffer.wrap(UPGRADE), new RpcResponseCallback() {
                @Override
                public void onSuccess(ByteBuffer response) {
                    takeOver(client.getChannel(), link);
                    upgraded.complete(null);
                }

                @Override
                public void onFailure(Throwable failure) {
                    client.getChannel().close();
                    upgraded.completeExceptionally(failure);
                }
            });
            upgraded.get(conf.connectionCreationTimeoutMs(), TimeUnit.MILLISECONDS);
        } catch (IOException | RuntimeException | TimeoutException e) {
            throw failed(to, e);
        } catch (ExecutionException e) {
            Throwable cause = e.getCause();
            throw failed(to, cause == null ? e : cause);
        }
    }

    /** Whether a connection to a worker's port can be made and secured; waits for it as {@link #connect} does. */
    public boolean reaches(Address to) {
        try {
            clients.createUnmanagedClient(to.host(), to.port()).close();
            return true;
        } catch (IOException | RuntimeException e) {
            LOG.debug("Another worker is not reached: {}.", to, e);
            return false;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    private static MillraceException failed(Address to, Throwable cause) {
        return new MillraceException(
                ErrorCode.CONNECTION_FAILED,
                ("Cannot connect to another worker: host=%s, port=%d, %s. See that its executor runs, that the two reach "
                                + "each other's ports, and that both have the same spark.authenticate and "
                                + "spark.network.crypto settings.")
                        .formatted(to.host(), to.port(), cause.getMessage()),
                cause);
    }

    /** Puts a handler of ours in the place of Spark's messages. Thread: the connection's event loop. */
    private static void takeOver(Channel channel, ChannelHandler ours) {
        ChannelPipeline pipeline = channel.pipeline();
        for (String name : MESSAGE_HANDLERS) {
            if (pipeline.get(name) != null) {
                pipeline.remove(name);
            }
        }
        pipeline.addLast(ours);
    }

    /** Takes the one message of Spark's that a worker sends to another, once it is authenticated. */
    private final class Upgrade extends RpcHandler {
        private final StreamManager streams = new OneForOneStreamManager();

        @Override
        public void receive(TransportClient client, ByteBuffer message, RpcResponseCallback callback) {
            if (!message.equals(ByteBuffer.wrap(UPGRADE))) {
                callback.onFailure(new IOException("this port takes connections of Millrace's workers alone"));
                client.getChannel().close();
                return;
            }
            // The other end sends nothing before it has this answer, which is written by the time it returns.
            callback.onSuccess(ByteBuffer.allocate(0));
            takeOver(client.getChannel(), reception.greeting());
        }

        @Override
        public StreamManager getStreamManager() {
            return streams;
        }
    }

    @Override
    public void close() {
        clients.close();
        server.close();
        context.close();
    }
}
