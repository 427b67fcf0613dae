package dev.millrace.bench.latency;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.errors.WakeupException;
import org.jspecify.annotations.Nullable;

/**
 * The practical limit: poll, compute, send, in one thread, with nothing kept for recovery.
 *
 * <p>Thread: the main thread; another one waits for the end.
 */
public final class BareLoop {
    private record Key(int card, long minute) {}

    private static final class Sums {
        private long count;
        private double total;
        private long created;
    }

    private final Work work;
    private final Map<Key, Sums> state = new HashMap<>();

    private BareLoop(Work work) {
        this.work = work;
    }

    /** Arguments as in {@link Engine#arguments}. */
    public static void main(String[] arguments) throws IOException {
        BareLoop loop = new BareLoop(Work.valueOf(arguments[0]));
        try (KafkaConsumer<byte[], byte[]> consumer = Clients.consumer(arguments[1], arguments[2]);
                KafkaProducer<byte[], byte[]> producer = Clients.producer(arguments[1])) {
            Clients.wakeAtEndOfInput(consumer);
            System.out.println("ready");
            loop.run(consumer, producer, arguments[3]);
        } catch (WakeupException e) {
            System.out.println("stopped");
        }
    }

    private void run(KafkaConsumer<byte[], byte[]> consumer, KafkaProducer<byte[], byte[]> producer, String output)
            throws IOException {
        while (true) {
            for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofSeconds(1))) {
                Transaction transaction = Transaction.parse(record.value());
                String result = work == Work.S ? project(transaction) : count(transaction);
                if (result != null) {
                    byte[] key = Integer.toString(transaction.card()).getBytes(StandardCharsets.UTF_8);
                    // A lost record shows in the probe's count.
                    var unused =
                            producer.send(new ProducerRecord<>(output, key, result.getBytes(StandardCharsets.UTF_8)));
                }
            }
        }
    }

    private static @Nullable String project(Transaction in) {
        if (in.amount() <= Work.MIN_AMOUNT) {
            return null;
        }
        return "{\"card\":" + in.card() + ",\"amount\":" + in.amount() * Work.FACTOR + ",\"merchant\":\""
                + in.merchant().toUpperCase(Locale.ROOT) + "\",\"created\":" + in.created() + "}";
    }

    private String count(Transaction in) {
        long minute = in.created() / Work.MINUTE_MICROS;
        Sums sums = state.computeIfAbsent(new Key(in.card(), minute), key -> new Sums());
        sums.count++;
        sums.total += in.amount();
        sums.created = Math.max(sums.created, in.created());
        return "{\"card\":" + in.card() + ",\"minute\":" + minute + ",\"n\":" + sums.count + ",\"total\":" + sums.total
                + ",\"created\":" + sums.created + "}";
    }
}
