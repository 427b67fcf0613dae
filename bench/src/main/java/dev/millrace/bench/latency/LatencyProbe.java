package dev.millrace.bench.latency;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Base64;
import org.HdrHistogram.Histogram;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.errors.WakeupException;

/**
 * Reads an output topic and records arrival minus creation of every record that was created behind the
 * warm-up, which begins with the first record's creation. Prints {@code answers} at the first row, which
 * a primer may have brought, and when its standard input ends {@code rows <rows without the primer's>
 * <histogram, compressed, base64>}.
 */
public final class LatencyProbe {
    private static final byte[] FIELD = "\"created\":".getBytes(StandardCharsets.US_ASCII);
    private static final long MAX_MICROS = 600_000_000L;

    private final Histogram latency = new Histogram(MAX_MICROS, 3);
    private final long warmUpMicros;
    private long firstCreated;
    private long rowCount;
    private boolean answered;

    private LatencyProbe(long warmUpMicros) {
        this.warmUpMicros = warmUpMicros;
    }

    /** Takes the broker's address, a topic, and the seconds of the warm-up. */
    public static void main(String[] arguments) {
        LatencyProbe probe = new LatencyProbe(Long.parseLong(arguments[2]) * 1_000_000L);
        try (KafkaConsumer<byte[], byte[]> consumer = Clients.consumer(arguments[0], arguments[1])) {
            Clients.wakeAtEndOfInput(consumer);
            System.out.println("ready");
            while (true) {
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofSeconds(1))) {
                    probe.take(record.value());
                }
            }
        } catch (WakeupException e) {
            System.out.println("rows " + probe.rowCount + " " + probe.encoded());
        }
    }

    private void take(byte[] json) {
        long now = Clients.nowMicros();
        long created = created(json);
        if (!answered) {
            answered = true;
            System.out.println("answers");
        }
        if (created == LoadGenerator.PRIMER) {
            return;
        }
        if (rowCount++ == 0) {
            firstCreated = created;
        }
        if (created >= firstCreated + warmUpMicros) {
            latency.recordValue(Math.max(0, Math.min(MAX_MICROS, now - created)));
        }
    }

    private String encoded() {
        ByteBuffer buffer = ByteBuffer.allocate(latency.getNeededByteBufferCapacity());
        int sizeBytes = latency.encodeIntoCompressedByteBuffer(buffer);
        buffer.rewind().limit(sizeBytes);
        return StandardCharsets.ISO_8859_1
                .decode(Base64.getEncoder().encode(buffer))
                .toString();
    }

    /** The number behind the field's name; all engines write it without spaces. */
    private static long created(byte[] json) {
        for (int start = json.length - FIELD.length; start >= 0; start--) {
            if (java.util.Arrays.equals(json, start, start + FIELD.length, FIELD, 0, FIELD.length)) {
                long number = 0;
                for (int i = start + FIELD.length; i < json.length && json[i] >= '0' && json[i] <= '9'; i++) {
                    number = number * 10 + (json[i] - '0');
                }
                return number;
            }
        }
        throw new IllegalArgumentException("Cannot read the output: no creation stamp in "
                + new String(json, StandardCharsets.UTF_8) + ". Look at the engine's query.");
    }
}
