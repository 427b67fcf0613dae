package dev.millrace.bench.latency;

import java.nio.charset.StandardCharsets;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;

/**
 * Sends transactions at an even pace and prints {@code sent <count>} when the broker has taken all. As a
 * primer it stamps them with {@link #PRIMER} instead of the time; the probe does not measure those.
 */
public final class LoadGenerator {
    /** The stamp of a record that is sent only to see the engine's first answer. */
    static final long PRIMER = 0;

    private static final int MERCHANT_COUNT = 97;
    private static final long MAX_PARK_NANOS = 200_000L;

    private LoadGenerator() {}

    /** Takes the broker's address, a topic, records per second, seconds, number of cards, whether a primer. */
    public static void main(String[] arguments) {
        String topic = arguments[1];
        long rate = Long.parseLong(arguments[2]);
        long count = rate * Long.parseLong(arguments[3]);
        int cards = Integer.parseInt(arguments[4]);
        boolean primer = Boolean.parseBoolean(arguments[5]);
        SplittableRandom random = new SplittableRandom(7);
        AtomicLong taken = new AtomicLong();
        try (KafkaProducer<byte[], byte[]> producer = Clients.producer(arguments[0])) {
            long start = System.nanoTime();
            for (long i = 0; i < count; i++) {
                awaitDue(start + i * 1_000_000_000L / rate);
                int card = random.nextInt(cards);
                double amount = random.nextInt(10_000) / 100.0;
                long created = primer ? PRIMER : Clients.nowMicros();
                Transaction transaction = new Transaction(card, amount, "m" + card % MERCHANT_COUNT, "DE", created);
                byte[] key = Integer.toString(card).getBytes(StandardCharsets.UTF_8);
                // What the broker did not take is missing in the count.
                var unused =
                        producer.send(new ProducerRecord<>(topic, key, transaction.toJson()), (metadata, error) -> {
                            if (error == null) {
                                taken.incrementAndGet();
                            }
                        });
            }
        }
        System.out.println("sent " + taken.get());
    }

    private static void awaitDue(long dueNanos) {
        for (long left = dueNanos - System.nanoTime(); left > 0; left = dueNanos - System.nanoTime()) {
            LockSupport.parkNanos(Math.min(left, MAX_PARK_NANOS));
        }
    }
}
