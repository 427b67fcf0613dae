package dev.millrace.kafka.source;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Optional;
import java.util.Random;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.record.TimestampType;
import org.apache.spark.sql.catalyst.expressions.UnsafeRow;
import org.apache.spark.sql.catalyst.util.RebaseDateTime;
import org.apache.spark.sql.kafka010.KafkaRecordToRowConverter;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

final class RecordRowsTest {
    private static final int RECORDS = 2_000;
    private static final String[] TOPICS = {"t", "a-topic", "of.eight", "caf\u00e9"};

    @Test
    void givesTheBytesOfSparksOwnConverter() {
        Random random = new Random(7);
        for (int i = 0; i < RECORDS; i++) {
            boolean headers = random.nextBoolean();
            @Nullable byte[] key = bytes(random, 20);
            @Nullable byte[] value = bytes(random, 200);
            String topic = TOPICS[random.nextInt(TOPICS.length)];
            long timestamp = timestamp(random);
            TimestampType type = TimestampType.values()[random.nextInt(3)];
            RecordHeaders carried = headers(random);
            UnsafeRow expected = (UnsafeRow) new KafkaRecordToRowConverter()
                    .toUnsafeRowProjector(headers)
                    .apply(record(topic, i, timestamp, type, key, value, carried));

            byte[] row = write(
                    new RecordRows(headers),
                    record(topic, i, timestamp, type, offsetBuffer(key), offsetBuffer(value), carried),
                    random);
            assertThat(row).as("record %d", i).isEqualTo(expected.getBytes());
        }
    }

    /** Some lie where the calendars of old and today differ, some where they begin to. */
    private static long timestamp(Random random) {
        return switch (random.nextInt(8)) {
            case 0 -> -1 - (long) random.nextInt(1 << 30) * 40_000;
            case 1 -> RebaseDateTime.lastSwitchJulianTs() / 1000 + random.nextInt(5) - 2;
            default -> random.nextLong(1L << 42);
        };
    }

    /** Writes into bytes that were used before. */
    private static byte[] write(RecordRows rows, ConsumerRecord<ByteBuffer, ByteBuffer> record, Random random) {
        byte[] topic = record.topic().getBytes(StandardCharsets.UTF_8);
        int size = rows.sizeBytes(record, topic);
        byte[] target = new byte[size + 16];
        random.nextBytes(target);
        rows.write(record, topic, target, 8);
        return Arrays.copyOfRange(target, 8, 8 + size);
    }

    private static <T> ConsumerRecord<T, T> record(
            String topic,
            int index,
            long timestamp,
            TimestampType type,
            @Nullable T key,
            @Nullable T value,
            RecordHeaders headers) {
        return new ConsumerRecord<>(
                topic, index % 7, 1L << (index % 60), timestamp, type, 0, 0, key, value, headers, Optional.empty());
    }

    private static RecordHeaders headers(Random random) {
        RecordHeaders headers = new RecordHeaders();
        int count = random.nextInt(3) == 0 ? random.nextInt(70) : random.nextInt(3);
        for (int i = 0; i < count; i++) {
            headers.add("key-\u00fc".repeat(random.nextInt(4)), bytes(random, 30));
        }
        return headers;
    }

    private static byte @Nullable [] bytes(Random random, int limit) {
        if (random.nextInt(5) == 0) {
            return null;
        }
        byte[] bytes = new byte[random.nextInt(limit)];
        random.nextBytes(bytes);
        return bytes;
    }

    /** As the consumer gives them: a window over a larger buffer. */
    private static @Nullable ByteBuffer offsetBuffer(byte @Nullable [] bytes) {
        if (bytes == null) {
            return null;
        }
        ByteBuffer buffer = ByteBuffer.allocate(bytes.length + 8);
        buffer.put(3, bytes);
        return buffer.position(3).limit(3 + bytes.length);
    }
}
