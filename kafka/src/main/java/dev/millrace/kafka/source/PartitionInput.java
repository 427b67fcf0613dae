package dev.millrace.kafka.source;

import dev.millrace.engine.source.PartitionOutput;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.spark.sql.kafka010.KafkaBatchInputPartition;
import org.apache.spark.sql.kafka010.KafkaSourcePartitionOffset;

/**
 * One topic partition on its way to its output, without an end or up to an offset. Records that the output has no room
 * for are held, and those behind that offset kept for when reading goes on; nothing more is fetched of the partition
 * meanwhile.
 *
 * <p>Bounds: the records of one poll. Thread: the reader's.
 */
final class PartitionInput {
    private static final long ENDLESS = Long.MAX_VALUE;

    private final TopicPartition partition;
    private final byte[] topic;
    private final RecordRows rows;
    private final PartitionOutput output;

    /** The offset behind the last record that was appended, or further where nothing else was to be read. */
    private long position;

    private long until;
    private List<ConsumerRecord<ByteBuffer, ByteBuffer>> records = List.of();
    private int given;

    /** How many of the records lie before {@link #until}. */
    private int due;

    private PartitionInput(KafkaBatchInputPartition planned, PartitionOutput output, long until) {
        this.partition = planned.offsetRange().topicPartition();
        this.topic = partition.topic().getBytes(StandardCharsets.UTF_8);
        this.rows = new RecordRows(planned.includeHeaders());
        this.output = output;
        this.position = planned.offsetRange().fromOffset();
        this.until = until;
    }

    /** A partition that is read on and on, and says where it stands. */
    static PartitionInput endless(KafkaBatchInputPartition planned, PartitionOutput output) {
        PartitionInput input = new PartitionInput(planned, output, ENDLESS);
        input.publish();
        return input;
    }

    /** A partition that is read up to the planned end, and perhaps on from there. */
    static PartitionInput bounded(KafkaBatchInputPartition planned, PartitionOutput output) {
        return new PartitionInput(planned, output, planned.offsetRange().untilOffset());
    }

    TopicPartition partition() {
        return partition;
    }

    long position() {
        return position;
    }

    long until() {
        return until;
    }

    /** Whether it has neither records to hand over nor such that it keeps. */
    boolean isEmpty() {
        return records.isEmpty();
    }

    /** Whether all up to the end is handed over. */
    boolean isThrough() {
        return position >= until;
    }

    /** Whether records wait for room. */
    boolean isHolding() {
        return given < due;
    }

    /** Sets a new end; what was kept is dropped, and true given, where that is not to be read on from {@code start}. */
    boolean readOn(long start, long end) {
        boolean moved = start != position;
        if (moved) {
            position = start;
            drop();
        }
        until = end;
        due = countDue();
        return moved;
    }

    /** Takes over what a poll gave, when nothing is held or kept. */
    void accept(List<ConsumerRecord<ByteBuffer, ByteBuffer>> polled) {
        records = polled;
        given = 0;
        due = countDue();
    }

    private int countDue() {
        int count = records.size();
        while (count > given && records.get(count - 1).offset() >= until) {
            count--;
        }
        return count;
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
        if (given == records.size()) {
            drop();
        } else if (given == due) {
            boolean unused = moveTo(until); // The next record lies behind it.
        }
        return count;
    }

    private void drop() {
        records = List.of();
        given = 0;
        due = 0;
    }

    /** Nothing but what gives no rows, such as transaction markers, lies before {@code offset}; false where it stands there. */
    boolean moveTo(long offset) {
        long target = Math.min(offset, until);
        if (target == position) {
            return false;
        }
        position = target;
        publish();
        return true;
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

    @Override
    public String toString() {
        return "%s at %d of %d".formatted(partition, position, until);
    }

    private void publish() {
        if (until == ENDLESS) {
            output.publish(new KafkaSourcePartitionOffset(partition, position));
        } else {
            output.publish();
        }
    }
}
