package dev.millrace.examples.demo;

import java.time.Instant;
import java.util.Locale;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringSerializer;
import org.jspecify.annotations.Nullable;

/**
 * Sends card transactions to Kafka at an even pace, each stamped with the moment of its making.
 *
 * <p>Thread: its own; {@link #sentCount} and {@link #failure} from any.
 */
final class TransactionGenerator implements AutoCloseable {
    static final int MERCHANT_COUNT = 1_000;
    private static final int CARD_COUNT = 10_000;

    /** How long the pacing sleeps at most, so that it sees the end soon. */
    private static final long MAX_PARK_NANOS = 1_000_000L;

    private final KafkaProducer<String, String> producer;
    private final Thread thread = new Thread(this::run, "generator");
    private final AtomicLong sentCount = new AtomicLong();
    private volatile @Nullable Exception failure;
    private volatile boolean stopped;
    private volatile int rate;

    TransactionGenerator(String bootstrap) {
        this.producer = new KafkaProducer<>(
                Map.of("bootstrap.servers", bootstrap, "linger.ms", "0", "acks", "1"),
                new StringSerializer(),
                new StringSerializer());
    }

    /** Starts the flow. Units: transactions per second. */
    void start(int firstRate) {
        rate = firstRate;
        thread.start();
    }

    /** Goes on at another pace. Units: transactions per second. */
    void rate(int newRate) {
        rate = newRate;
    }

    /** Transactions that the broker has taken. */
    long sentCount() {
        return sentCount.get();
    }

    /** Why a transaction could not be sent, if one could not. */
    @Nullable
    Exception failure() {
        return failure;
    }

    /** Ends the flow and waits until the broker has taken what was sent. */
    @Override
    public void close() throws InterruptedException {
        stopped = true;
        thread.join();
        producer.close();
    }

    private void run() {
        SplittableRandom random = new SplittableRandom(7);
        double dueNanos = System.nanoTime();
        while (!stopped && failure == null) {
            awaitDue((long) dueNanos);
            send(random);
            dueNanos += 1e9 / rate;
        }
        producer.flush();
    }

    private void awaitDue(long dueNanos) {
        for (long left = dueNanos - System.nanoTime(); left > 0 && !stopped; left = dueNanos - System.nanoTime()) {
            LockSupport.parkNanos(Math.min(left, MAX_PARK_NANOS));
        }
    }

    private void send(SplittableRandom random) {
        String card = String.format(Locale.ROOT, "c%05d", random.nextInt(CARD_COUNT));
        int merchant = random.nextInt(MERCHANT_COUNT);
        // Many small amounts and few large ones.
        double amount = Math.round(Math.exp(random.nextDouble() * 7.5) * 50) / 100.0;
        String json = String.format(
                Locale.ROOT,
                "{\"card\":\"%s\",\"merchant\":\"m%04d\",\"amount\":%.2f,\"created\":%d}",
                card,
                merchant,
                amount,
                nowMicros());
        // The callback hears of every failure; the future would say it once more.
        var unused = producer.send(new ProducerRecord<>(CardQueries.TRANSACTIONS, card, json), (metadata, error) -> {
            if (error == null) {
                sentCount.incrementAndGet();
            } else {
                failure = error;
            }
        });
    }

    /** The wall clock, which the measuring consumer reads too. Units: microseconds. */
    static long nowMicros() {
        Instant now = Instant.now();
        return now.getEpochSecond() * 1_000_000L + now.getNano() / 1_000;
    }
}
