package dev.millrace.bench.chaos;

import java.time.Duration;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringSerializer;
import org.jspecify.annotations.Nullable;

/**
 * Sends numbers under random keys at a steady rate, each exactly once: an idempotent producer that is patient enough
 * for a broker that comes back.
 *
 * <p>Thread: its own; {@link #close} by its owner.
 */
final class NumberGenerator implements AutoCloseable {
    private static final int KEY_COUNT = 100;
    private static final int PATIENCE_MILLIS = 10 * 60 * 1000;
    private static final int MAX_NUMBER = 1_000;

    private final KafkaProducer<String, String> producer;
    private final Random random;
    private final long stepNanos;
    private final Thread thread = new Thread(this::send, "generator");
    private final AtomicLong acknowledged = new AtomicLong();
    private volatile @Nullable Exception failure;
    private volatile boolean stopped;
    private volatile long sent;

    NumberGenerator(String bootstrap, long seed, int rate) {
        producer = new KafkaProducer<>(
                Map.of(
                        "bootstrap.servers", bootstrap,
                        "enable.idempotence", true,
                        "delivery.timeout.ms", PATIENCE_MILLIS,
                        "max.block.ms", PATIENCE_MILLIS),
                new StringSerializer(),
                new StringSerializer());
        random = new Random(seed);
        stepNanos = 1_000_000_000L / rate;
        thread.setDaemon(true);
        thread.start();
    }

    private void send() {
        long next = System.nanoTime();
        while (!stopped) {
            String key = "key-" + random.nextInt(KEY_COUNT);
            String number = Integer.toString(random.nextInt(MAX_NUMBER));
            var unused = producer.send(new ProducerRecord<>(ChaosQuery.INPUT, key, number), (metadata, error) -> {
                if (error == null) {
                    acknowledged.incrementAndGet();
                } else {
                    failure = error;
                }
            });
            sent++;
            next += stepNanos;
            LockSupport.parkNanos(next - System.nanoTime());
        }
    }

    /** Stops and waits until everything is acknowledged; gives the number of rows. */
    long finish() throws InterruptedException, ChaosException {
        stopped = true;
        thread.join();
        producer.flush();
        Exception error = failure;
        if (error != null || acknowledged.get() != sent) {
            throw new ChaosException("Cannot feed the query: sent=%d, acknowledged=%d, error=%s."
                    .formatted(sent, acknowledged.get(), error));
        }
        return sent;
    }

    @Override
    public void close() {
        stopped = true;
        producer.close(Duration.ZERO);
    }
}
