package dev.millrace.kafka.sink;

import dev.millrace.engine.epoch.Ballot;
import dev.millrace.engine.epoch.EpochCoordinator;
import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.spark.scala.Scala;
import dev.millrace.spark.sink.WriteRequest;
import java.io.Serializable;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.config.ConfigException;
import org.apache.spark.kafka010.KafkaConfigUpdater;
import org.apache.spark.sql.connector.catalog.SupportsWrite;
import org.apache.spark.sql.connector.write.LogicalWriteInfoImpl;
import org.apache.spark.sql.kafka010.KafkaWrite;
import org.apache.spark.sql.types.StructType;
import scala.Option;

/**
 * What the user asked of the sink, read and checked by Spark's own connector, and what transactions add to it.
 *
 * @param parameters the producer's, without a transactional id
 * @param topic the option for all rows, or none when each row names its own
 * @param schema the rows
 * @param names the query's transactional ids
 * @param intervalMillis how often an epoch ends
 * @param timeoutMillis after how long the broker aborts a transaction by itself
 * @param isTimeoutChosen whether the user set the timeout
 */
record TransactionSettings(
        HashMap<String, Object> parameters,
        Option<String> topic,
        StructType schema,
        TransactionNames names,
        long intervalMillis,
        int timeoutMillis,
        boolean isTimeoutChosen)
        implements Serializable {
    /** Starts the transactional ids, as {@code groupIdPrefix} does the group ids of Spark's source. */
    static final String PREFIX_OPTION = "transactionalIdPrefix";

    private static final String DEFAULT_PREFIX = "millrace";
    private static final String TIMEOUT = ProducerConfig.TRANSACTION_TIMEOUT_CONFIG;

    /** The largest that a broker takes as it comes: what is prepared must outlast a process's restart. */
    private static final int DEFAULT_TIMEOUT_MILLIS = 15 * 60 * 1000;

    /** What a transaction needs beyond the epochs in flight: the commit, and pauses of process and broker. */
    private static final long MARGIN_MILLIS = 30_000;

    /** Errors: UNSUPPORTED_SETTING, and Spark's own for what its Kafka sink does not take. */
    static TransactionSettings of(WriteRequest request) {
        KafkaWrite write = sparkWrite(request);
        HashMap<String, Object> parameters = new HashMap<>(write.producerParams());
        if (parameters.containsKey(ProducerConfig.TRANSACTIONAL_ID_CONFIG)) {
            throw unsupported(
                    "option kafka.%s is chosen by Millrace for each task. Leave it out; %s sets what the ids start with"
                            .formatted(ProducerConfig.TRANSACTIONAL_ID_CONFIG, PREFIX_OPTION));
        }
        Object timeout = parameters.get(TIMEOUT);
        String prefix =
                Optional.ofNullable(request.options().get(PREFIX_OPTION)).orElse(DEFAULT_PREFIX);
        TransactionSettings settings = new TransactionSettings(
                parameters,
                write.topic(),
                write.schema(),
                new TransactionNames(prefix, request.queryId(), Ballot.LOWEST),
                request.intervalMillis(),
                timeout == null ? DEFAULT_TIMEOUT_MILLIS : timeout(timeout),
                timeout != null);
        settings.checkTimeout();
        settings.checkProducer();
        return settings;
    }

    private static KafkaWrite sparkWrite(WriteRequest request) {
        SupportsWrite table = (SupportsWrite) request.sink();
        try {
            KafkaWrite write = (KafkaWrite) table.newWriteBuilder(new LogicalWriteInfoImpl(
                            request.queryId(), request.schema(), request.options(), Optional.empty(), Optional.empty()))
                    .build();
            write.toStreaming(); // checks the rows' columns
            return write;
        } catch (IllegalArgumentException e) {
            throw new MillraceException(
                    ErrorCode.UNSUPPORTED_SETTING,
                    "Cannot write to Kafka: %s Change the sink's options.".formatted(e.getMessage()),
                    e);
        }
    }

    private static int timeout(Object value) {
        try {
            return Integer.parseInt(value.toString().trim());
        } catch (NumberFormatException e) {
            throw unsupported("kafka.%s=%s is not a number of milliseconds. Give one, or leave the option out"
                    .formatted(TIMEOUT, value));
        }
    }

    private void checkTimeout() {
        int epochs = 1 + EpochCoordinator.MAX_IN_FLIGHT;
        long least = epochs * intervalMillis + MARGIN_MILLIS;
        if (timeoutMillis < least) {
            throw unsupported(
                    ("kafka.%s=%d is shorter than an epoch may take, trigger interval=%d ms, times %d epochs in flight, "
                                    + "plus %d ms. Set the option to at least %d, or shorten the interval of Trigger.RealTime")
                            .formatted(TIMEOUT, timeoutMillis, intervalMillis, epochs, MARGIN_MILLIS, least));
        }
    }

    private void checkProducer() {
        try {
            new ProducerConfig(producerParameters(names.id(0, 0)));
        } catch (ConfigException e) {
            throw new MillraceException(
                    ErrorCode.UNSUPPORTED_SETTING,
                    "Cannot write to Kafka exactly once: %s Change the sink's kafka.* options."
                            .formatted(e.getMessage()),
                    e);
        }
    }

    /** These settings, with a timeout that the broker takes. Errors: UNSUPPORTED_SETTING. */
    TransactionSettings withinLimitOf(TransactionAdmin admin) {
        OptionalInt most = admin.maxTimeoutMillis();
        if (most.isEmpty() || timeoutMillis <= most.getAsInt()) {
            return this;
        }
        if (isTimeoutChosen) {
            throw unsupported(
                    "kafka.%s=%d is larger than the broker's transaction.max.timeout.ms=%d. Lower the first, or raise the second"
                            .formatted(TIMEOUT, timeoutMillis, most.getAsInt()));
        }
        TransactionSettings lowered = new TransactionSettings(
                parameters, topic, schema, names, intervalMillis, most.getAsInt(), isTimeoutChosen);
        lowered.checkTimeout();
        return lowered;
    }

    /** These settings for one attempt. */
    TransactionSettings of(Ballot attempt) {
        return new TransactionSettings(
                parameters, topic, schema, names.of(attempt), intervalMillis, timeoutMillis, isTimeoutChosen);
    }

    /** The parameters of a producer, with credentials as Spark's own sink gets them. */
    Map<String, Object> producerParameters(String transactionalId) {
        Map<String, Object> all = clientParameters();
        // Said aloud, or other options switch it off and Kafka's error does not name them.
        all.putIfAbsent(ProducerConfig.ENABLE_IDEMPOTENCE_CONFIG, true);
        all.put(ProducerConfig.TRANSACTIONAL_ID_CONFIG, transactionalId);
        all.put(TIMEOUT, timeoutMillis);
        return all;
    }

    /** The parameters of any client. */
    Map<String, Object> clientParameters() {
        return new HashMap<>(KafkaConfigUpdater.apply("sink", Scala.immutableMap(parameters))
                .setAuthenticationConfigIfNeeded()
                .build());
    }

    private static MillraceException unsupported(String what) {
        return new MillraceException(
                ErrorCode.UNSUPPORTED_SETTING, "Cannot write to Kafka exactly once: " + what + ".");
    }
}
