package dev.millrace.bench.workload;

import java.io.IOException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** The Kafka clients that every program of the run makes in the same way. */
public final class Clients {
    public static final int PARTITION_COUNT = 2;

    private Clients() {}

    /** A consumer of the whole topic from its beginning. */
    public static KafkaConsumer<byte[], byte[]> consumer(String bootstrap, String topic) {
        KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(
                Map.of(
                        "bootstrap.servers", bootstrap,
                        "enable.auto.commit", "false",
                        "fetch.min.bytes", "1",
                        "max.poll.records", "5000"),
                new ByteArrayDeserializer(),
                new ByteArrayDeserializer());
        List<TopicPartition> partitions = new ArrayList<>();
        for (int i = 0; i < PARTITION_COUNT; i++) {
            partitions.add(new TopicPartition(topic, i));
        }
        consumer.assign(partitions);
        consumer.seekToBeginning(partitions);
        return consumer;
    }

    /** A producer that sends at once. */
    public static KafkaProducer<byte[], byte[]> producer(String bootstrap) {
        return new KafkaProducer<>(
                Map.of("bootstrap.servers", bootstrap, "linger.ms", "0", "batch.size", "65536", "acks", "1"),
                new ByteArraySerializer(),
                new ByteArraySerializer());
    }

    /** A producer that sends much at a time. */
    public static KafkaProducer<byte[], byte[]> bulkProducer(String bootstrap) {
        return new KafkaProducer<>(
                Map.of("bootstrap.servers", bootstrap, "linger.ms", "20", "batch.size", "262144", "acks", "1"),
                new ByteArraySerializer(),
                new ByteArraySerializer());
    }

    /**
     * What the producer of every engine is set to, by Kafka's names: it sends at once where answers are waited for, and
     * where a backlog is drained as Kafka's documentation advises for throughput.
     */
    public static Map<String, String> outputSettings(boolean drain) {
        return drain ? Map.of("linger.ms", "5", "batch.size", "131072") : Map.of("linger.ms", "0");
    }

    /** The wall clock. Units: microseconds since 1970. */
    public static long nowMicros() {
        Instant now = Instant.now();
        return now.getEpochSecond() * 1_000_000L + now.getNano() / 1_000;
    }

    /** Makes the consumer's next or waiting poll throw when the parent closes this program's input. */
    public static void wakeAtEndOfInput(KafkaConsumer<byte[], byte[]> consumer) {
        Thread thread = new Thread(
                () -> {
                    try {
                        awaitParent();
                    } catch (IOException e) {
                        System.err.println("Cannot read the input: " + e.getMessage());
                    } finally {
                        consumer.wakeup();
                    }
                },
                "end of input");
        thread.setDaemon(true);
        thread.start();
    }

    /** Returns when the parent closed this program's input or is gone. */
    public static void awaitParent() throws IOException {
        byte[] ignored = new byte[256];
        while (System.in.read(ignored) >= 0) {
            // Only the end of the input says anything.
        }
    }
}
