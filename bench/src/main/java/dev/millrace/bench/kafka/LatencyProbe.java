package dev.millrace.bench.kafka;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.millrace.bench.workload.Arguments;
import dev.millrace.bench.workload.Clients;
import dev.millrace.bench.workload.Histograms;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import org.HdrHistogram.Histogram;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.errors.WakeupException;

/**
 * Reads an output topic and records arrival minus creation of every record that was created behind the
 * warm-up, which begins with the first record's creation. Prints {@code answers} at the first row, which a primer
 * may have brought, {@code drained <when>} when a backlog's last rows have come and none follows for a while (the
 * partitions of the output do not keep step, so rows may come behind the answers to the last records), and when its
 * standard input ends {@code result} with all that it saw.
 */
public final class LatencyProbe {
    private static final byte[] FIELD = "\"created\":".getBytes(StandardCharsets.US_ASCII);
    private static final long MAX_MICROS = 600_000_000L;

    /** Of the arrivals that become one point of the timeline. */
    private static final long SLOT_MICROS = 250_000;

    /** How long no row comes before a backlog counts as drained; it is not part of the time that is measured. */
    private static final Duration QUIET = Duration.ofSeconds(1);

    private final Histogram latency = new Histogram(MAX_MICROS, 3);
    private final Histogram slot = new Histogram(MAX_MICROS, 2);
    private final ArrayNode timeline = new ObjectMapper().createArrayNode();
    private final long warmUpMicros;
    private long firstCreated;
    private long slotStart;
    private long rowCount;
    private long lastMicros;
    private int endCount;
    private boolean answered;
    private boolean drained;

    private LatencyProbe(long warmUpMicros) {
        this.warmUpMicros = warmUpMicros;
    }

    /** Takes bootstrap, topic and warmUpSeconds. */
    public static void main(String[] words) {
        Arguments arguments = Arguments.parse(words);
        LatencyProbe probe = new LatencyProbe(arguments.number("warmUpSeconds") * 1_000_000L);
        try (KafkaConsumer<byte[], byte[]> consumer =
                Clients.consumer(arguments.text("bootstrap"), arguments.text("topic"))) {
            Clients.wakeAtEndOfInput(consumer);
            System.out.println("ready {}");
            while (true) {
                ConsumerRecords<byte[], byte[]> records = consumer.poll(QUIET);
                for (ConsumerRecord<byte[], byte[]> record : records) {
                    // A row that takes an answer back, where an engine says so.
                    if (record.value() != null) {
                        probe.take(record.value());
                    }
                }
                if (records.isEmpty()) {
                    probe.quiet();
                }
            }
        } catch (WakeupException e) {
            System.out.println("result " + probe.result());
        }
    }

    private void take(byte[] json) {
        long now = Clients.nowMicros();
        long created = created(json);
        lastMicros = now;
        if (!answered) {
            answered = true;
            System.out.println("answers");
        }
        if (created == LoadGenerator.PRIMER_STAMP) {
            return;
        }
        if (created == LoadGenerator.END_STAMP) {
            endCount++;
            return;
        }
        if (rowCount++ == 0) {
            firstCreated = created;
        }
        if (created >= firstCreated + warmUpMicros) {
            record(now, Math.max(0, Math.min(MAX_MICROS, now - created)));
        }
    }

    /** Notes that no row came for {@link #QUIET}. */
    private void quiet() {
        if (!drained && endCount >= Clients.PARTITION_COUNT) {
            drained = true;
            System.out.println("drained " + lastMicros);
        }
    }

    private void record(long now, long micros) {
        latency.recordValue(micros);
        if (now >= slotStart + SLOT_MICROS) {
            closeSlot();
            slotStart = now - now % SLOT_MICROS;
        }
        slot.recordValue(micros);
    }

    private void closeSlot() {
        if (slot.getTotalCount() > 0) {
            timeline.addObject()
                    .put("micros", slotStart - firstCreated - warmUpMicros)
                    .put("p99Micros", slot.getValueAtPercentile(99));
            slot.reset();
        }
    }

    private ObjectNode result() {
        closeSlot();
        ObjectNode node = new ObjectMapper().createObjectNode();
        node.put("rows", rowCount)
                .put("measuredFromMicros", firstCreated + warmUpMicros)
                .put("histogram", Histograms.encode(latency));
        node.set("timeline", timeline);
        return node;
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
