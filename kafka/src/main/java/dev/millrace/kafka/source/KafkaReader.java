package dev.millrace.kafka.source;

import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.engine.source.PartitionOutput;
import dev.millrace.engine.source.ReaderFactory;
import dev.millrace.engine.source.SourceReader;
import dev.millrace.spark.scala.Scala;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
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
import org.apache.spark.sql.connector.read.InputPartition;
import org.apache.spark.sql.kafka010.KafkaBatchInputPartition;
import org.jspecify.annotations.Nullable;

/**
 * Reads one worker's partitions of a Kafka source with one consumer, so one thread, and one fetch session with
 * each broker. A partition whose output is full is paused; the others go on.
 *
 * <p>Bounds: for each partition what one poll gives, beside what the consumer buffers by its own
 * settings ({@code kafka.fetch.max.bytes}). Thread: the reader's, but for {@link #wakeUp}.
 *
 * <p>Errors: SOURCE_FAILED, SOURCE_DATA_LOST.
 */
final class KafkaReader implements SourceReader {
    /** How long to wait for records; only so long, because a consumer also keeps its connections in a poll. */
    private static final Duration LONGEST_WAIT = Duration.ofSeconds(1);

    private static final Duration LONGEST_CLOSE = Duration.ofMillis(250);

    private final String sourceName;
    private final List<KafkaBatchInputPartition> partitions;
    private final DataLoss loss;
    private final List<PartitionInput> inputs = new ArrayList<>();
    private final Map<TopicPartition, PartitionInput> byPartition = new HashMap<>();
    private volatile @Nullable KafkaConsumer<ByteBuffer, ByteBuffer> consumer;
    private int holding;
    private int looked;

    private KafkaReader(String sourceName, List<KafkaBatchInputPartition> partitions) {
        this.sourceName = sourceName;
        this.partitions = partitions;
        this.loss = new DataLoss(sourceName, partitions.get(0).failOnDataLoss());
    }

    /** One reader for each worker that gets partitions, which are dealt out as Spark's stream planned them. */
    static List<Factory> ofAll(String sourceName, InputPartition[] planned, int workerCount) {
        List<Factory> readers = new ArrayList<>();
        for (int worker = 0; worker < Math.min(workerCount, planned.length); worker++) {
            List<KafkaBatchInputPartition> partitions = new ArrayList<>();
            for (int i = worker; i < planned.length; i += workerCount) {
                partitions.add((KafkaBatchInputPartition) planned[i]);
            }
            readers.add(new Factory(sourceName, List.copyOf(partitions)));
        }
        return readers;
    }

    /** Makes the reader of some partitions. Their positions name them, so they may be in any order. */
    record Factory(String sourceName, List<KafkaBatchInputPartition> partitions) implements ReaderFactory {
        @Override
        public int partitionCount() {
            return partitions.size();
        }

        @Override
        public String partitionName(int partition) {
            return partitions.get(partition).offsetRange().topicPartition().toString();
        }

        @Override
        public SourceReader create() {
            return new KafkaReader(sourceName, partitions);
        }
    }

    @Override
    public void open(List<PartitionOutput> outputs) {
        try {
            KafkaConsumer<ByteBuffer, ByteBuffer> opened =
                    new KafkaConsumer<>(consumerSettings(), new ByteBufferDeserializer(), new ByteBufferDeserializer());
            consumer = opened;
            opened.assign(partitions.stream()
                    .map(partition -> partition.offsetRange().topicPartition())
                    .toList());
            for (int i = 0; i < partitions.size(); i++) {
                KafkaBatchInputPartition planned = partitions.get(i);
                TopicPartition partition = planned.offsetRange().topicPartition();
                long start = planned.offsetRange().fromOffset();
                opened.seek(partition, start);
                PartitionInput input =
                        new PartitionInput(partition, start, new RecordRows(planned.includeHeaders()), outputs.get(i));
                inputs.add(input);
                byPartition.put(partition, input);
            }
        } catch (KafkaException e) {
            throw failure("open", e);
        }
    }

    /** What Spark gives its own readers, but for how keys and values are handed out. */
    private Map<String, Object> consumerSettings() {
        Map<String, Object> planned = new HashMap<>(partitions.get(0).executorKafkaParams());
        planned.remove(ConsumerConfig.KEY_DESERIALIZER_CLASS_CONFIG);
        planned.remove(ConsumerConfig.VALUE_DESERIALIZER_CLASS_CONFIG);
        String brokers = (String) planned.get(ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG);
        return KafkaConfigUpdater.apply("executor", Scala.immutableMap(planned))
                .setAuthenticationConfigIfNeeded(KafkaTokenUtil.findMatchingTokenClusterConfig(
                        SparkEnv.get().conf(), brokers))
                .build();
    }

    @Override
    public boolean read() {
        if (holding > 0) {
            boolean handedOver = handOverHeld();
            if (handedOver || holding == inputs.size()) {
                return handedOver;
            }
        }
        try {
            ConsumerRecords<ByteBuffer, ByteBuffer> records = consumer().poll(LONGEST_WAIT);
            for (TopicPartition partition : records.partitions()) {
                accept(partition, records);
            }
            followPositions(records.isEmpty() ? inputs.size() : 1);
        } catch (WakeupException e) {
            return true; // An output has room again, or the query stops.
        } catch (OffsetOutOfRangeException e) {
            skipLost(e.offsetOutOfRangePartitions());
        } catch (InterruptException e) {
            throw e; // by which a stop is told from a failure
        } catch (KafkaException e) {
            throw failure("read on", e);
        }
        return true;
    }

    private void accept(TopicPartition partition, ConsumerRecords<ByteBuffer, ByteBuffer> records) {
        PartitionInput input = Objects.requireNonNull(byPartition.get(partition));
        input.accept(records.records(partition));
        input.handOver();
        if (input.isHolding()) {
            holding++;
            consumer().pause(Set.of(partition));
        } else {
            follow(input);
        }
    }

    /** Hands over what was held; true when there was room for some of it. */
    private boolean handOverHeld() {
        int count = 0;
        for (PartitionInput input : inputs) {
            if (input.isHolding()) {
                count += input.handOver();
                if (!input.isHolding()) {
                    holding--;
                    consumer().resume(Set.of(input.partition()));
                }
            }
        }
        return count > 0;
    }

    /**
     * Lets partitions follow the consumer past what gives no rows: transaction markers, aborted and
     * compacted records. So many at a time, because records of some partitions must not cost a look at all.
     */
    private void followPositions(int count) {
        for (int i = 0; i < count; i++) {
            looked = looked + 1 < inputs.size() ? looked + 1 : 0;
            follow(inputs.get(looked));
        }
    }

    private void follow(PartitionInput input) {
        if (input.isHolding()) {
            return;
        }
        try {
            input.moveTo(consumer().position(input.partition(), Duration.ZERO));
        } catch (TimeoutException | WakeupException e) {
            // The consumer is finding out whether the position is still valid; the next look will tell. A wake-up
            // must not get past here: records of the same poll may not be handed over yet.
        }
    }

    private void skipLost(Map<TopicPartition, Long> offsets) {
        try {
            Map<TopicPartition, Long> earliest = consumer().beginningOffsets(offsets.keySet());
            Map<TopicPartition, Long> latest = consumer().endOffsets(offsets.keySet());
            offsets.forEach((partition, offset) -> {
                long target = loss.skip(
                        partition,
                        offset,
                        Objects.requireNonNull(earliest.get(partition)),
                        Objects.requireNonNull(latest.get(partition)));
                consumer().seek(partition, target);
                Objects.requireNonNull(byPartition.get(partition)).moveTo(target);
            });
        } catch (WakeupException e) {
            // The next poll tells of the same offsets again.
        } catch (InterruptException e) {
            throw e;
        } catch (KafkaException e) {
            throw failure("find what is left", e);
        }
    }

    @Override
    public void wakeUp() {
        KafkaConsumer<ByteBuffer, ByteBuffer> current = consumer;
        if (current != null) {
            current.wakeup();
        }
    }

    @Override
    public void close() {
        KafkaConsumer<ByteBuffer, ByteBuffer> current = consumer;
        if (current != null) {
            current.close(LONGEST_CLOSE);
        }
    }

    private KafkaConsumer<ByteBuffer, ByteBuffer> consumer() {
        KafkaConsumer<ByteBuffer, ByteBuffer> current = consumer;
        if (current == null) {
            throw new IllegalStateException("not open");
        }
        return current;
    }

    private MillraceException failure(String what, KafkaException cause) {
        return new MillraceException(
                ErrorCode.SOURCE_FAILED,
                "Cannot %s: source=%s, error=%s. Check that the brokers can be reached and that the query may read."
                        .formatted(what, sourceName, cause),
                cause);
    }
}
