package dev.millrace.kafka.sink;

import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.spark.scala.Scala;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AdminClientConfig;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.FenceProducersOptions;
import org.apache.kafka.clients.admin.TransactionDescription;
import org.apache.kafka.clients.admin.TransactionListing;
import org.apache.kafka.clients.admin.TransactionState;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.AuthenticationException;
import org.apache.kafka.common.errors.ClusterAuthorizationException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;
import org.apache.kafka.common.errors.UnsupportedVersionException;

/**
 * What is asked of the cluster beside writing: before a start, and to put an earlier attempt's transactions away.
 *
 * <p>Waits as long for an answer as the producer does ({@code kafka.max.block.ms}).
 *
 * <p>Thread: the caller's, which may block.
 *
 * <p>Errors: SINK_FAILED when the cluster does not answer.
 */
final class TransactionAdmin implements AutoCloseable {
    private static final String MAX_TIMEOUT = "transaction.max.timeout.ms";
    private static final int MAX_FENCE_MILLIS = 30_000;
    private static final long RETRY_MILLIS = 10;
    private static final long MAX_RETRY_MILLIS = 200;

    private final TransactionSettings settings;
    private final Admin admin;

    private TransactionAdmin(TransactionSettings settings, Admin admin) {
        this.settings = settings;
        this.admin = admin;
    }

    static TransactionAdmin open(TransactionSettings settings) {
        Map<String, Object> all = settings.clientParameters();
        ProducerConfig producer =
                new ProducerConfig(settings.producerParameters(settings.names().id(0, 0)));
        long patienceMillis = producer.getLong(ProducerConfig.MAX_BLOCK_MS_CONFIG);
        int patience = (int) Math.max(1, Math.min(Integer.MAX_VALUE, patienceMillis));
        Map<String, Object> parameters = new HashMap<>(all);
        parameters.keySet().retainAll(AdminClientConfig.configNames());
        parameters.put(AdminClientConfig.DEFAULT_API_TIMEOUT_MS_CONFIG, patience);
        parameters.put(
                AdminClientConfig.REQUEST_TIMEOUT_MS_CONFIG,
                Math.min(patience, producer.getInt(ProducerConfig.REQUEST_TIMEOUT_MS_CONFIG)));
        // An abort takes the broker some milliseconds; a rollback waits for it.
        parameters.put(AdminClientConfig.RETRY_BACKOFF_MS_CONFIG, RETRY_MILLIS);
        parameters.put(AdminClientConfig.RETRY_BACKOFF_MAX_MS_CONFIG, MAX_RETRY_MILLIS);
        return new TransactionAdmin(settings, Admin.create(parameters));
    }

    /** Refuses a topic that does not exist, where one is named for all rows. */
    void checkTopic() {
        if (settings.topic().isEmpty()) {
            return;
        }
        String topic = settings.topic().get();
        try {
            ask(admin.describeTopics(List.of(topic)).allTopicNames());
        } catch (UnknownTopicOrPartitionException e) {
            throw new MillraceException(
                    ErrorCode.UNSUPPORTED_SINK,
                    "Cannot write to Kafka: topic=%s does not exist on bootstrap.servers=%s. Create it, or correct the option."
                            .formatted(topic, servers()),
                    e);
        }
    }

    /** The longest transaction timeout that the cluster takes, or empty when this user may not know. */
    OptionalInt maxTimeoutMillis() {
        try {
            Node node = ask(admin.describeCluster().nodes()).iterator().next();
            ConfigResource resource = new ConfigResource(ConfigResource.Type.BROKER, node.idString());
            Config config = ask(admin.describeConfigs(List.of(resource)).all()).get(resource);
            ConfigEntry entry = config == null ? null : config.get(MAX_TIMEOUT);
            return entry == null ? OptionalInt.empty() : OptionalInt.of(Integer.parseInt(entry.value()));
        } catch (ClusterAuthorizationException e) {
            return OptionalInt.empty(); // the first producer shows it
        }
    }

    /**
     * Fences the producers of the query's earlier attempts, whatever their number of tasks was, and aborts what they
     * left open. Which they are the cluster knows: it lists all transactional ids. One in whose name nothing was begun
     * since it was last fenced is left to expire; else ids of all attempts that ever were would be kept alive.
     *
     * <p>Errors: UNSUPPORTED_SINK when it is older than Kafka 3.0 and does not list them.
     */
    void abortUnfinished() {
        List<String> ids;
        try {
            ids = ask(admin.listTransactions().all()).stream()
                    .filter(one -> one.state() != TransactionState.EMPTY)
                    .map(TransactionListing::transactionalId)
                    .filter(settings.names()::isOfEarlierAttempt)
                    .toList();
        } catch (UnsupportedVersionException e) {
            throw new MillraceException(
                    ErrorCode.UNSUPPORTED_SINK,
                    ("Cannot write to Kafka exactly once: the brokers at %s do not list transactions, so what an earlier "
                                    + "run left open cannot be found. Use Kafka 3.0 or newer, or leave "
                                    + "spark.millrace.kafka.transactional out.")
                            .formatted(servers()),
                    e);
        }
        // The option's time is also the new timeout of the ids, so it must be one that the broker takes.
        FenceProducersOptions options =
                new FenceProducersOptions().timeoutMs(Math.min(MAX_FENCE_MILLIS, settings.timeoutMillis()));
        // Each on its own: together, the client would wait for one abort after the other.
        ask(KafkaFuture.allOf(ids.stream()
                .map(id -> admin.fenceProducers(List.of(id), options).all())
                .toArray(KafkaFuture[]::new)));
    }

    /** How a transactional id stands, for a message. */
    String describe(String transactionalId) {
        TransactionDescription found =
                ask(admin.describeTransactions(List.of(transactionalId)).description(transactionalId));
        return "state=%s, its producer epoch=%d".formatted(found.state(), found.producerEpoch());
    }

    private <T> T ask(KafkaFuture<T> answer) {
        try {
            return answer.get();
        } catch (InterruptedException e) {
            throw Scala.sneaky(e); // the query tells a stop from a failure by its class
        } catch (ExecutionException e) {
            Throwable cause = e.getCause() == null ? e : e.getCause();
            if (cause instanceof org.apache.kafka.common.errors.TimeoutException) {
                throw new MillraceException(
                        ErrorCode.SINK_FAILED,
                        "Cannot reach Kafka: bootstrap.servers=%s gave no answer in time. Check the address and that the brokers run; kafka.max.block.ms says how long to wait."
                                .formatted(servers()),
                        cause);
            }
            if (cause instanceof AuthenticationException) {
                throw new MillraceException(
                        ErrorCode.SINK_FAILED,
                        "Cannot write to Kafka: bootstrap.servers=%s and the sink do not trust each other, error=%s. Check the sink's kafka.security.protocol, kafka.sasl.* and kafka.ssl.* options."
                                .formatted(servers(), cause),
                        cause);
            }
            throw Scala.sneaky(cause);
        }
    }

    private Object servers() {
        return settings.parameters().getOrDefault("bootstrap.servers", "none");
    }

    @Override
    public void close() {
        admin.close(Duration.ZERO);
    }
}
