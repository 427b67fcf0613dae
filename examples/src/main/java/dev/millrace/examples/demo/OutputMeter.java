package dev.millrace.examples.demo;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import org.HdrHistogram.Recorder;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.WakeupException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.jspecify.annotations.Nullable;

/**
 * Reads both output topics as anybody could, and records how long after its creation a transaction's
 * result arrived here.
 *
 * <p>An enriched row answers one transaction and counts as it is. A feature row carries the stamp of the
 * newest transaction in its card's window; it counts only when that stamp is newer than the one that this
 * card's window had last, so that a row that says nothing new (a window written again, a replay) cannot
 * make the figures better or worse. One transaction thus counts once for each window that it changes,
 * the slowest included.
 *
 * <p>Thread: its own; the counters and recorders are read by any.
 */
final class OutputMeter implements AutoCloseable {
    private static final long MAX_LATENCY_MICROS = 600_000_000L;

    private final KafkaConsumer<byte[], byte[]> consumer;
    private final Thread thread = new Thread(this::run, "meter");
    private final JsonFactory json = new JsonFactory();
    private final NewestStamps stamps = new NewestStamps();
    private final AtomicLong enrichedCount = new AtomicLong();
    private final AtomicLong featureCount = new AtomicLong();
    private final Recorder enrichedLatency = new Recorder(MAX_LATENCY_MICROS, 3);
    private final Recorder featureLatency = new Recorder(MAX_LATENCY_MICROS, 3);
    private volatile @Nullable Exception failure;

    OutputMeter(String bootstrap, int partitionCount) {
        consumer = new KafkaConsumer<>(
                Map.of("bootstrap.servers", bootstrap, "enable.auto.commit", "false", "fetch.min.bytes", "1"),
                new ByteArrayDeserializer(),
                new ByteArrayDeserializer());
        List<TopicPartition> partitions = new ArrayList<>();
        for (int i = 0; i < partitionCount; i++) {
            partitions.add(new TopicPartition(CardQueries.ENRICHED, i));
            partitions.add(new TopicPartition(CardQueries.FEATURES, i));
        }
        consumer.assign(partitions);
        consumer.seekToBeginning(partitions);
    }

    void start() {
        thread.start();
    }

    long enrichedCount() {
        return enrichedCount.get();
    }

    long featureCount() {
        return featureCount.get();
    }

    /** Units: microseconds. */
    Recorder enrichedLatency() {
        return enrichedLatency;
    }

    /** Units: microseconds. */
    Recorder featureLatency() {
        return featureLatency;
    }

    /** Why reading ended before it was asked to, if it did. */
    @Nullable
    Exception failure() {
        return failure;
    }

    @Override
    public void close() throws InterruptedException {
        consumer.wakeup();
        thread.join();
    }

    private void run() {
        try (consumer) {
            while (true) {
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofSeconds(1))) {
                    take(record.topic().equals(CardQueries.FEATURES), record.value());
                }
            }
        } catch (WakeupException e) {
            // close() was called.
            return;
        } catch (IOException | RuntimeException e) {
            failure = e;
        }
    }

    private void take(boolean feature, byte[] value) throws IOException {
        long arrivedMicros = TransactionGenerator.nowMicros();
        String card = "";
        long window = 0;
        long created = 0;
        try (JsonParser parser = json.createParser(value)) {
            parser.nextToken();
            while (parser.nextToken() == JsonToken.FIELD_NAME) {
                String field = parser.currentName();
                parser.nextToken();
                switch (field) {
                    case "card" -> card = parser.getText();
                    case "window_start" -> window = parser.getLongValue();
                    case "created" -> created = parser.getLongValue();
                    default -> parser.skipChildren();
                }
            }
        }
        long latencyMicros = Math.max(0, Math.min(MAX_LATENCY_MICROS, arrivedMicros - created));
        if (!feature) {
            enrichedLatency.recordValue(latencyMicros);
            enrichedCount.incrementAndGet();
            return;
        }
        featureCount.incrementAndGet();
        if (stamps.isNewer(card, window, created)) {
            featureLatency.recordValue(latencyMicros);
        }
    }
}
