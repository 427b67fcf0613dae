package dev.millrace.spark.cluster;

import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.apache.spark.rpc.RpcAddress;
import org.apache.spark.rpc.RpcCallContext;
import org.apache.spark.rpc.RpcEndpointRef;
import org.apache.spark.rpc.RpcEnv;
import org.apache.spark.rpc.RpcTimeout;
import org.apache.spark.rpc.ThreadSafeRpcEndpoint;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import scala.Function1;
import scala.PartialFunction;
import scala.Tuple2;
import scala.concurrent.duration.FiniteDuration;
import scala.reflect.ClassTag;
import scala.runtime.AbstractPartialFunction;
import scala.runtime.BoxedUnit;

/**
 * Messages over Spark's own connections between driver and executors, authenticated and encrypted as these are.
 * Spark reads a message with a class loader that does not see {@code --jars}, so all it carries is bytes and, in a
 * question, the sender's own end.
 */
final class Rpc {
    private static final Logger LOG = LoggerFactory.getLogger(Rpc.class);
    private static final ClassTag<byte[]> BYTES = ClassTag.apply(byte[].class);

    private Rpc() {}

    /** What comes to one end. Thread: one of Spark's for messages, one call at a time; must not block. */
    interface Handler {
        /** A message that wants no answer. */
        void received(byte[] message);

        /**
         * A question, and its answer.
         *
         * @param from the asking end, to which messages can be sent
         * @param address what that end's process is called
         */
        byte[] asked(byte[] question, RpcEndpointRef from, String address);

        /** The connection to a process is gone. */
        void disconnected(String address);
    }

    /** Opens an end of this process under a name. */
    static RpcEndpointRef open(RpcEnv environment, String name, Handler handler) {
        return environment.setupEndpoint(name, new Endpoint(environment, handler));
    }

    /** Puts a question to the other end and waits for the answer. Errors: whatever Spark's RPC throws. */
    static byte[] ask(RpcEndpointRef to, byte[] question, RpcEndpointRef from, long timeoutNanos) {
        RpcTimeout timeout =
                new RpcTimeout(new FiniteDuration(timeoutNanos, TimeUnit.NANOSECONDS), "spark.millrace.detection");
        return to.askSync(new Tuple2<>(question, from), timeout, BYTES);
    }

    private static final class Endpoint implements ThreadSafeRpcEndpoint {
        private final RpcEnv environment;
        private final Handler handler;

        Endpoint(RpcEnv environment, Handler handler) {
            this.environment = environment;
            this.handler = handler;
        }

        @Override
        public RpcEnv rpcEnv() {
            return environment;
        }

        @Override
        public PartialFunction<Object, BoxedUnit> receive() {
            return function(message -> handler.received((byte[]) message));
        }

        @Override
        @SuppressWarnings("unchecked")
        public PartialFunction<Object, BoxedUnit> receiveAndReply(RpcCallContext context) {
            return function(message -> {
                Tuple2<byte[], RpcEndpointRef> question = (Tuple2<byte[], RpcEndpointRef>) message;
                String address = context.senderAddress().hostPort();
                context.reply(handler.asked(question._1(), question._2(), address));
            });
        }

        @Override
        public void onDisconnected(RpcAddress remote) {
            handler.disconnected(remote.hostPort());
        }

        @Override
        public void onError(Throwable cause) {
            LOG.warn("A message between driver and worker was not taken.", cause);
        }
    }

    private static PartialFunction<Object, BoxedUnit> function(Consumer<Object> body) {
        return new AbstractPartialFunction<>() {
            @Override
            public boolean isDefinedAt(Object message) {
                return true;
            }

            @Override
            @SuppressWarnings("unchecked")
            public <A1, B1> B1 applyOrElse(A1 message, Function1<A1, B1> otherwise) {
                body.accept(message);
                return (B1) BoxedUnit.UNIT;
            }
        };
    }
}
