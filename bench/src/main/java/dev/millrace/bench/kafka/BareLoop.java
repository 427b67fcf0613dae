package dev.millrace.bench.kafka;

import dev.millrace.bench.workload.Arguments;
import dev.millrace.bench.workload.Clients;
import dev.millrace.bench.workload.Transaction;
import dev.millrace.bench.workload.Workloads;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
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
    private static final String SETTINGS =
            "{\"threads\":\"1\",\"recovery\":\"none\",\"linger.ms\":\"0\",\"max.poll.records\":\"5000\"}";

    private record Key(int card, long started) {}

    private static final class Sums {
        private long count;
        private double total;
        private long created;
    }

    private final String work;
    private final Map<Key, Sums> state = new HashMap<>();
    private final Set<Long> seen = new HashSet<>();

    private BareLoop(String work) {
        this.work = work;
    }

    /** Arguments as in {@link KafkaStage#startEngine}. */
    public static void main(String[] words) throws IOException {
        Arguments arguments = Arguments.parse(words);
        BareLoop loop = new BareLoop(arguments.text("work"));
        if (!Set.of(Workloads.STATELESS, Workloads.WINDOW_COUNT, Workloads.DEDUPLICATE)
                .contains(loop.work)) {
            System.out.println("failed no loop was written by hand for this");
            return;
        }
        String bootstrap = arguments.text("bootstrap");
        try (KafkaConsumer<byte[], byte[]> consumer = Clients.consumer(bootstrap, arguments.text("input"));
                KafkaProducer<byte[], byte[]> producer = Clients.producer(bootstrap)) {
            Clients.wakeAtEndOfInput(consumer);
            System.out.println("ready " + SETTINGS);
            loop.run(consumer, producer, arguments.text("output"));
        } catch (WakeupException e) {
            System.out.println("stopped");
        }
    }

    private void run(KafkaConsumer<byte[], byte[]> consumer, KafkaProducer<byte[], byte[]> producer, String output)
            throws IOException {
        while (true) {
            for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofSeconds(1))) {
                Transaction transaction = Transaction.parse(record.value());
                String result =
                        switch (work) {
                            case Workloads.STATELESS -> project(transaction);
                            case Workloads.WINDOW_COUNT -> count(transaction);
                            default -> firstStep(transaction);
                        };
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
        if (in.amount() <= Workloads.MIN_AMOUNT) {
            return null;
        }
        return "{\"card\":" + in.card() + ",\"amount\":" + in.amount() * Workloads.FACTOR + ",\"merchant\":\""
                + in.merchant().toUpperCase(Locale.ROOT) + "\",\"created\":" + in.created() + "}";
    }

    private String count(Transaction in) {
        long started = in.created() - in.created() % Workloads.MINUTE_MICROS;
        Sums sums = state.computeIfAbsent(new Key(in.card(), started), key -> new Sums());
        sums.count++;
        sums.total += in.amount();
        sums.created = Math.max(sums.created, in.created());
        return "{\"card\":" + in.card() + ",\"started\":" + started + ",\"n\":" + sums.count + ",\"total\":"
                + sums.total + ",\"created\":" + sums.created + "}";
    }

    private @Nullable String firstStep(Transaction in) {
        if (!seen.add(in.payment())) {
            return null;
        }
        return "{\"payment\":" + in.payment() + ",\"card\":" + in.card() + ",\"created\":" + in.created() + "}";
    }
}
