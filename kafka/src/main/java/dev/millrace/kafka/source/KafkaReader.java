package dev.millrace.kafka.source;

import dev.millrace.engine.source.PartitionOutput;
import dev.millrace.engine.source.ReaderFactory;
import dev.millrace.engine.source.SourceReader;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.OffsetOutOfRangeException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.WakeupException;
import org.apache.spark.sql.connector.read.InputPartition;
import org.apache.spark.sql.kafka010.KafkaBatchInputPartition;
import org.jspecify.annotations.Nullable;

/**
 * Reads one worker's partitions of a Kafka source without an end, with one consumer, so one thread, and one fetch session with
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

    private final String sourceName;
    private final List<KafkaBatchInputPartition> partitions;
    private final DataLoss loss;
    private final List<PartitionInput> inputs = new ArrayList<>();
    private final Map<TopicPartition, PartitionInput> byPartition = new HashMap<>();
    private volatile @Nullable RecordConsumer consumer;
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
        RecordConsumer opened = new RecordConsumer(sourceName, partitions.get(0));
        consumer = opened;
        opened.assign(partitions.stream()
                .map(partition -> partition.offsetRange().topicPartition())
                .toList());
        for (int i = 0; i < partitions.size(); i++) {
            PartitionInput input = PartitionInput.endless(partitions.get(i), outputs.get(i));
            opened.seek(input.partition(), input.position());
            inputs.add(input);
            byPartition.put(input.partition(), input);
        }
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
            skipLost(e.offsetOutOfRangePartitions().keySet());
        }
        return true;
    }

    private void accept(TopicPartition partition, ConsumerRecords<ByteBuffer, ByteBuffer> records) {
        PartitionInput input = Objects.requireNonNull(byPartition.get(partition));
        input.accept(records.records(partition));
        input.handOver();
        if (input.isHolding()) {
            holding++;
            consumer().pause(partition);
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
                    consumer().resume(input.partition());
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

    /** A wake-up must not get past here: records of the same poll may not be handed over yet. */
    private void follow(PartitionInput input) {
        if (!input.isHolding()) {
            consumer().position(input.partition()).ifPresent(position -> {
                boolean unused = input.moveTo(position);
            });
        }
    }

    private void skipLost(Set<TopicPartition> partitionsOutOfRange) {
        try {
            consumer().available(partitionsOutOfRange).forEach((partition, available) -> {
                PartitionInput input = Objects.requireNonNull(byPartition.get(partition));
                boolean unused = input.moveTo(loss.skip(partition, input.position(), input.until(), available));
                consumer().seek(partition, input.position());
            });
        } catch (WakeupException e) {
            // The next poll tells of the same offsets again.
        }
    }

    @Override
    public void wakeUp() {
        RecordConsumer current = consumer;
        if (current != null) {
            current.wakeUp();
        }
    }

    @Override
    public void close() {
        RecordConsumer current = consumer;
        if (current != null) {
            current.close();
        }
    }

    private RecordConsumer consumer() {
        return Objects.requireNonNull(consumer, "not open");
    }
}
