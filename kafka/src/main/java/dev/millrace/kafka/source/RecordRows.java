package dev.millrace.kafka.source;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.header.Header;
import org.apache.spark.sql.catalyst.util.RebaseDateTime;
import org.jspecify.annotations.Nullable;

/**
 * Writes Kafka's records as rows of Spark's Kafka schema, byte for byte what Spark's own converter
 * gives, without objects between.
 *
 * <p>Layout, an unsafe row; variable parts are padded with zeros to 8 bytes:
 * <pre>
 *   0       8     16      24      32          40       48          56              64
 *   +-------+-----+-------+-------+-----------+--------+-----------+---------------+----------+
 *   | nulls | key | value | topic | partition | offset | timestamp | timestampType | headers? | ...
 *   +-------+-----+-------+-------+-----------+--------+-----------+---------------+----------+
 *   ... key bytes | value bytes | topic bytes | headers: an unsafe array of rows (key, value)
 * </pre>
 *
 * <p>Thread: the reader's. Source: Spark's KafkaRecordToRowConverter and UnsafeRowWriter.
 */
final class RecordRows {
    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.nativeOrder());
    private static final VarHandle INT = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.nativeOrder());

    private static final int KEY = 0;
    private static final int VALUE = 1;
    private static final int TOPIC = 2;
    private static final int PARTITION = 3;
    private static final int OFFSET = 4;
    private static final int TIMESTAMP = 5;
    private static final int TIMESTAMP_TYPE = 6;
    private static final int HEADERS = 7;

    /** The null bits of a row or of the array of up to 64 headers. */
    private static final int WORD_BYTES = 8;

    private static final int HEADER_ROW_FIXED_BYTES = 3 * WORD_BYTES;

    /** From here on both calendars say the same in every time zone. */
    private static final long CALENDARS_AGREE_MICROS = RebaseDateTime.lastSwitchJulianTs();

    private final boolean includeHeaders;
    private final int fixedBytes;

    // The record under way.
    private final List<byte[]> headerKeys = new ArrayList<>();
    private int headersSizeBytes;

    RecordRows(boolean includeHeaders) {
        this.includeHeaders = includeHeaders;
        this.fixedBytes = (includeHeaders ? HEADERS + 2 : HEADERS + 1) * WORD_BYTES;
    }

    /** The size of the record's row; to be followed by {@link #write} of the same record. */
    int sizeBytes(ConsumerRecord<ByteBuffer, ByteBuffer> record, byte[] topic) {
        headersSizeBytes = includeHeaders ? measureHeaders(record) : 0;
        return fixedBytes + padded(record.key()) + padded(record.value()) + padded(topic.length) + headersSizeBytes;
    }

    /** Writes the row. {@code topic} holds the record's topic in UTF-8. */
    void write(ConsumerRecord<ByteBuffer, ByteBuffer> record, byte[] topic, byte[] target, int start) {
        LONG.set(target, start, 0L);
        int end = start + fixedBytes;
        end = bytesField(target, start, KEY, end, record.key());
        end = bytesField(target, start, VALUE, end, record.value());
        setRange(target, start, TOPIC, end, topic.length);
        end = copy(topic, target, end);
        setInt(target, start, PARTITION, record.partition());
        LONG.set(target, slot(start, OFFSET), record.offset());
        LONG.set(target, slot(start, TIMESTAMP), micros(record.timestamp()));
        setInt(target, start, TIMESTAMP_TYPE, record.timestampType().id);
        if (includeHeaders) {
            if (headerKeys.isEmpty()) {
                setNull(target, start, HEADERS);
            } else {
                setRange(target, start, HEADERS, end, headersSizeBytes);
                writeHeaders(record, target, end);
            }
        }
    }

    /** Spark asks for the time zone, of which the JDK makes a copy each time, before it sees that it needs none. */
    private static long micros(long timestampMillis) {
        long micros = Math.multiplyExact(timestampMillis, 1000L);
        return micros >= CALENDARS_AGREE_MICROS ? micros : RebaseDateTime.rebaseJulianToGregorianMicros(micros);
    }

    private int measureHeaders(ConsumerRecord<ByteBuffer, ByteBuffer> record) {
        headerKeys.clear();
        int size = 0;
        for (Header header : record.headers()) {
            byte[] key = header.key().getBytes(StandardCharsets.UTF_8);
            headerKeys.add(key);
            byte[] value = header.value();
            size += HEADER_ROW_FIXED_BYTES + padded(key.length) + (value == null ? 0 : padded(value.length));
        }
        return headerKeys.isEmpty() ? 0 : size + arrayFixedBytes(headerKeys.size());
    }

    /** The count, the null bits, and a slot for each element. */
    private static int arrayFixedBytes(int count) {
        return WORD_BYTES + (count + 63) / 64 * WORD_BYTES + count * WORD_BYTES;
    }

    private void writeHeaders(ConsumerRecord<ByteBuffer, ByteBuffer> record, byte[] target, int start) {
        int count = headerKeys.size();
        int end = start + arrayFixedBytes(count);
        LONG.set(target, start, (long) count);
        int slots = end - count * WORD_BYTES;
        for (int at = start + WORD_BYTES; at < slots; at += WORD_BYTES) {
            LONG.set(target, at, 0L);
        }
        int index = 0;
        for (Header header : record.headers()) {
            int row = end;
            byte[] key = headerKeys.get(index);
            byte[] value = header.value();
            LONG.set(target, row, 0L);
            end = row + HEADER_ROW_FIXED_BYTES;
            setRange(target, row, 0, end, key.length);
            end = copy(key, target, end);
            if (value == null) {
                setNull(target, row, 1);
            } else {
                setRange(target, row, 1, end, value.length);
                end = copy(value, target, end);
            }
            LONG.set(target, slots + index * WORD_BYTES, range(row - start, end - row));
            index++;
        }
    }

    private static int bytesField(byte[] target, int row, int field, int end, @Nullable ByteBuffer bytes) {
        if (bytes == null) {
            setNull(target, row, field);
            return end;
        }
        int size = bytes.remaining();
        setRange(target, row, field, end, size);
        int behind = zeroLastWord(target, end, size);
        bytes.get(bytes.position(), target, end, size);
        return behind;
    }

    private static int copy(byte[] bytes, byte[] target, int at) {
        int behind = zeroLastWord(target, at, bytes.length);
        System.arraycopy(bytes, 0, target, at, bytes.length);
        return behind;
    }

    /** Pages are used again, so padding has to be written; returns the offset behind it. */
    private static int zeroLastWord(byte[] target, int at, int size) {
        int behind = at + padded(size);
        if ((size & 7) != 0) {
            LONG.set(target, behind - WORD_BYTES, 0L);
        }
        return behind;
    }

    private static void setRange(byte[] target, int row, int field, int at, int size) {
        LONG.set(target, slot(row, field), range(at - row, size));
    }

    private static long range(int offset, int size) {
        return ((long) offset << 32) | size;
    }

    private static void setInt(byte[] target, int row, int field, int value) {
        LONG.set(target, slot(row, field), 0L);
        INT.set(target, slot(row, field), value);
    }

    private static void setNull(byte[] target, int row, int field) {
        LONG.set(target, row, (long) LONG.get(target, row) | 1L << field);
        LONG.set(target, slot(row, field), 0L);
    }

    private static int slot(int row, int field) {
        return row + WORD_BYTES + field * WORD_BYTES;
    }

    private static int padded(@Nullable ByteBuffer bytes) {
        return bytes == null ? 0 : padded(bytes.remaining());
    }

    private static int padded(int size) {
        return (size + 7) & ~7;
    }
}
