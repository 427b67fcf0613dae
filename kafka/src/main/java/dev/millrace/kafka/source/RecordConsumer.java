package dev.millrace.kafka.source;

import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.spark.scala.Scala;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Collection;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalLong;
import java.util.Set;
import java.util.function.Supplier;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetOutOfRangeException;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.InterruptException;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.errors.WakeupException;
import org.apache.kafka.common.serialization.ByteBufferDeserializer;
import org.apache.spark.SparkEnv;
import org.apache.spark.kafka010.KafkaConfigUpdater;
import org.apache.spark.kafka010.KafkaTokenUtil;
import org.apache.spark.sql.kafka010.KafkaBatchInputPartition;

/**
 * One consumer of partitions that are assigned to it, set as Spark sets its own, but for how keys and values are handed
 * out: they are not copied.
 *
 * <p>Thread: the reader's, but for {@link #wakeUp}.
 *
 * <p>Errors: SOURCE_FAILED with what Kafka threw. What says that offsets are gone, a wake-up or an interrupt comes as it is.
 */
final class RecordConsumer implements AutoCloseable {
    private static final Duration LONGEST_CLOSE = Duration.ofMillis(250);

    /**
     * How many records a poll gives, unless the user says otherwise. They lie in the consumer's buffers either way, and
     * each poll looks after everything that the consumer has open, which with 500, Kafka's default, shows in a drain.
     */
    private static final int MAX_POLL_RECORDS = 5_000;

    private final String sourceName;
    private final KafkaConsumer<ByteBuffer, ByteBuffer> consumer;

    /** @param planned any of the source's partitions: all carry the same settings */
    RecordConsumer(String sourceName, KafkaBatchInputPartition planned) {
        this.sourceName = sourceName;
        this.consumer = asking(
                "open",
                () -> new KafkaConsumer<>(
                        settings(planned), new ByteBufferDeserializer(), new ByteBufferDeserializer()));
    }

    private static Map<String, Object> settings(KafkaBatchInputPartition planned) {
        Map<String, Object> settings = new HashMap<>(planned.executorKafkaParams());
        settings.remove(ConsumerConfig.KEY_DESERIALIZER_CLASS_CONFIG);
        settings.remove(ConsumerConfig.VALUE_DESERIALIZER_CLASS_CONFIG);
        settings.putIfAbsent(ConsumerConfig.MAX_POLL_RECORDS_CONFIG, MAX_POLL_RECORDS);
        String brokers = (String) settings.get(ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG);
        return KafkaConfigUpdater.apply("executor", Scala.immutableMap(settings))
                .setAuthenticationConfigIfNeeded(KafkaTokenUtil.findMatchingTokenClusterConfig(
                        SparkEnv.get().conf(), brokers))
                .build();
    }

    /** Reads these from now on; those that were assigned before go on where they are. */
    void assign(Collection<TopicPartition> partitions) {
        asking("assign partitions", () -> {
            consumer.assign(partitions);
            return partitions;
        });
    }

    void seek(TopicPartition partition, long offset) {
        consumer.seek(partition, offset);
    }

    /** Hands out no more of a partition, but keeps what it has of it. */
    void pause(TopicPartition partition) {
        consumer.pause(Set.of(partition));
    }

    void resume(TopicPartition partition) {
        consumer.resume(Set.of(partition));
    }

    ConsumerRecords<ByteBuffer, ByteBuffer> poll(Duration longest) {
        return asking("read on", () -> consumer.poll(longest));
    }

    /** Where the consumer stands; empty while it is finding out whether that is still valid, or where it was woken. */
    OptionalLong position(TopicPartition partition) {
        try {
            return OptionalLong.of(consumer.position(partition, Duration.ZERO));
        } catch (TimeoutException | WakeupException e) {
            return OptionalLong.empty();
        }
    }

    /**
     * What a partition holds.
     *
     * @param earliest its first offset
     * @param latest the offset behind its last record that the consumer may see
     */
    record Available(long earliest, long latest) {}

    Map<TopicPartition, Available> available(Set<TopicPartition> partitions) {
        return asking("find what is left", () -> {
            Map<TopicPartition, Long> earliest = consumer.beginningOffsets(partitions);
            Map<TopicPartition, Long> latest = consumer.endOffsets(partitions);
            Map<TopicPartition, Available> available = new HashMap<>();
            for (TopicPartition partition : partitions) {
                available.put(
                        partition,
                        new Available(
                                Objects.requireNonNull(earliest.get(partition)),
                                Objects.requireNonNull(latest.get(partition))));
            }
            return available;
        });
    }

    /** Ends a wait of {@link #poll}, or the next one. Thread: any. */
    void wakeUp() {
        consumer.wakeup();
    }

    @Override
    public void close() {
        consumer.close(LONGEST_CLOSE);
    }

    private <T> T asking(String what, Supplier<T> question) {
        try {
            return question.get();
        } catch (OffsetOutOfRangeException | WakeupException | InterruptException e) {
            throw e;
        } catch (KafkaException e) {
            throw new MillraceException(
                    ErrorCode.SOURCE_FAILED,
                    "Cannot %s: source=%s, error=%s. Check that the brokers can be reached and that the query may read."
                            .formatted(what, sourceName, e),
                    e);
        }
    }
}
