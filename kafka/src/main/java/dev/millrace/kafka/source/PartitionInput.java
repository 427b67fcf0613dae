package dev.millrace.kafka.source;

import dev.millrace.engine.source.PartitionOutput;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.spark.sql.kafka010.KafkaSourcePartitionOffset;

/**
 * One topic partition on its way to its output. Records that the output has no room for are held, and
 * nothing more is fetched of the partition meanwhile.
 *
 * <p>Bounds: the records of one poll. Thread: the reader's.
 */
final class PartitionInput {
    private final TopicPartition partition;
    private final byte[] topic;
    private final RecordRows rows;
    private final PartitionOutput output;

    /** The offset behind the last record that was appended, or further where nothing else was to be read. */
    private long position;

    private List<ConsumerRecord<ByteBuffer, ByteBuffer>> records = List.of();
    private int given;

    PartitionInput(TopicPartition partition, long position, RecordRows rows, PartitionOutput output) {
        this.partition = partition;
        this.topic = partition.topic().getBytes(StandardCharsets.UTF_8);
        this.position = position;
        this.rows = rows;
        this.output = output;
        publish();
    }

    TopicPartition partition() {
        return partition;
    }

    long position() {
        return position;
    }

    /** Whether records wait for room. */
    boolean isHolding() {
        return given < records.size();
    }

    /** Takes over what a poll gave, when nothing is held. */
    void accept(List<ConsumerRecord<ByteBuffer, ByteBuffer>> polled) {
        records = polled;
        given = 0;
    }

    /** Hands over as many of the records in hand as there is room for; returns how many. */
    int handOver() {
        int before = given;
        while (isHolding() && append(records.get(given))) {
            given++;
        }
        int count = given - before;
        if (count > 0) {
            publish();
        }
        if (!isHolding()) {
            records = List.of();
            given = 0;
        }
        return count;
    }

    /** Nothing but what gives no rows, such as transaction markers, lies before {@code offset}. */
    void moveTo(long offset) {
        if (offset != position) {
            position = offset;
            publish();
        }
    }

    private boolean append(ConsumerRecord<ByteBuffer, ByteBuffer> record) {
        int size = rows.sizeBytes(record, topic);
        int start = output.reserve(size);
        if (start == PartitionOutput.NO_ROOM) {
            publish();
            start = output.reserve(size);
            if (start == PartitionOutput.NO_ROOM) {
                return false;
            }
        }
        rows.write(record, topic, output.bytes(), start);
        position = record.offset() + 1;
        return true;
    }

    private void publish() {
        output.publish(new KafkaSourcePartitionOffset(partition, position));
    }
}
