package dev.millrace.kafka.source;

import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.engine.source.PartitionOutput;
import dev.millrace.spark.source.Split;
import dev.millrace.spark.source.SplitReader;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.OffsetOutOfRangeException;
import org.apache.kafka.common.TopicPartition;
import org.apache.spark.sql.kafka010.KafkaBatchInputPartition;
import org.jspecify.annotations.Nullable;

/**
 * Reads ranges of topic partitions, those of a split together, with one consumer that lasts from portion to portion.
 * What it fetches beyond a range is kept for the next one, and the consumer fetches ahead while operators work.
 *
 * <p>Bounds: for each partition what one poll gives, beside what the consumer buffers by its own settings. Thread: the
 * reader's. Source: Spark's KafkaDataConsumer, for when data counts as lost.
 *
 * <p>Errors: SOURCE_FAILED, SOURCE_DATA_LOST.
 */
final class KafkaSplitReader implements SplitReader {
    /** How long to wait for records before a look whether they are still there. */
    private static final long LONGEST_WAIT_MILLIS = 1_000;

    private final String sourceName;
    private final Map<TopicPartition, PartitionInput> inputs = new HashMap<>();
    private @Nullable RecordConsumer consumer;
    private @Nullable KafkaSplit beginning;

    // The split under way.
    private final List<PartitionInput> open = new ArrayList<>();
    private @Nullable KafkaBatchInputPartition terms;
    private long lastProgressNanos;
    private boolean holds;

    KafkaSplitReader(String sourceName) {
        this.sourceName = sourceName;
    }

    @Override
    public void begin(Split split) {
        beginning = (KafkaSplit) split;
    }

    @Override
    public Progress read(PartitionOutput output) {
        KafkaSplit split = beginning;
        if (split != null) {
            beginning = null;
            open(split, output);
        }
        int count = handOver();
        if (count == 0 && !holds && !open.isEmpty()) {
            poll();
            count = handOver();
        }
        if (open.isEmpty()) {
            return Progress.READ;
        }
        return holds && count == 0 ? Progress.NO_ROOM : Progress.MORE;
    }

    private void open(KafkaSplit split, PartitionOutput output) {
        KafkaBatchInputPartition any = split.ranges().get(0);
        terms = any;
        lastProgressNanos = System.nanoTime();
        if (consumer == null) {
            consumer = new RecordConsumer(sourceName, any);
        }
        assign(split.ranges());
        for (KafkaBatchInputPartition range : split.ranges()) {
            TopicPartition partition = range.offsetRange().topicPartition();
            PartitionInput input = inputs.get(partition);
            if (input == null) {
                input = PartitionInput.bounded(range, output);
                inputs.put(partition, input);
                consumer().seek(partition, input.position());
            } else if (input.readOn(
                    range.offsetRange().fromOffset(), range.offsetRange().untilOffset())) {
                consumer().seek(partition, input.position());
            }
            consumer().resume(partition);
            open.add(input);
        }
    }

    /** Where there is a partition that it did not read so far, it drops those that it has nothing to read of any more. */
    private void assign(List<KafkaBatchInputPartition> ranges) {
        Set<TopicPartition> wanted = ranges.stream()
                .map(range -> range.offsetRange().topicPartition())
                .collect(Collectors.toSet());
        if (!inputs.keySet().containsAll(wanted)) {
            inputs.keySet().retainAll(wanted);
            consumer().assign(wanted);
        }
    }

    /** Hands over what is in hand, as long as there is room, and lets go of ranges that are through; returns how many records. */
    private int handOver() {
        int count = 0;
        holds = false;
        for (int i = open.size() - 1; i >= 0; i--) {
            PartitionInput input = open.get(i);
            if (!input.isEmpty()) {
                count += input.handOver();
                holds |= input.isHolding();
            }
            if (input.isThrough()) {
                consumer().pause(input.partition());
                open.remove(i);
            }
        }
        return count;
    }

    private void poll() {
        try {
            ConsumerRecords<ByteBuffer, ByteBuffer> records =
                    consumer().poll(Duration.ofMillis(Math.min(LONGEST_WAIT_MILLIS, terms().pollTimeoutMs())));
            for (TopicPartition partition : records.partitions()) {
                input(partition).accept(records.records(partition));
            }
            if (followPositions() || !records.isEmpty()) {
                lastProgressNanos = System.nanoTime();
            } else {
                lookWhatIsLeft();
            }
        } catch (OffsetOutOfRangeException e) {
            skipLost(e.offsetOutOfRangePartitions().keySet());
        }
    }

    /** Goes with the consumer past what gives no rows: transaction markers, aborted and compacted records. */
    private boolean followPositions() {
        boolean moved = false;
        for (PartitionInput input : open) {
            if (input.isEmpty()) {
                OptionalLong position = consumer().position(input.partition());
                moved |= position.isPresent() && input.moveTo(position.getAsLong());
            }
        }
        return moved;
    }

    /** A partition that was made anew may be shorter than what is to be read of it, which no fetch ever tells. */
    private void lookWhatIsLeft() {
        long waitedMillis = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - lastProgressNanos);
        if (waitedMillis >= terms().pollTimeoutMs()) {
            throw new MillraceException(
                    ErrorCode.SOURCE_FAILED,
                    ("Cannot read on: source=%s, nothing came in %d ms of %s. Check that the brokers can be reached, or "
                                    + "set the option kafkaConsumer.pollTimeoutMs higher.")
                            .formatted(
                                    sourceName,
                                    waitedMillis,
                                    open.stream().map(PartitionInput::toString).toList()));
        }
        skipLost(open.stream().map(PartitionInput::partition).collect(Collectors.toSet()));
    }

    private void skipLost(Set<TopicPartition> partitions) {
        DataLoss loss = new DataLoss(sourceName, terms().failOnDataLoss());
        consumer().available(partitions).forEach((partition, available) -> {
            PartitionInput input = input(partition);
            if (input.moveTo(loss.skip(partition, input.position(), input.until(), available))) {
                consumer().seek(partition, input.position());
            }
        });
    }

    @Override
    public void close() {
        if (consumer != null) {
            consumer.close();
        }
    }

    private PartitionInput input(TopicPartition partition) {
        return Objects.requireNonNull(inputs.get(partition));
    }

    private KafkaBatchInputPartition terms() {
        return Objects.requireNonNull(terms, "no split");
    }

    private RecordConsumer consumer() {
        return Objects.requireNonNull(consumer, "no split yet");
    }
}
