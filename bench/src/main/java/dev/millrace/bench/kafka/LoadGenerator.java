package dev.millrace.bench.kafka;

import dev.millrace.bench.workload.Arguments;
import dev.millrace.bench.workload.Clients;
import dev.millrace.bench.workload.Transaction;
import dev.millrace.bench.workload.TransactionRows;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;

/** Sends transactions and prints {@code result <count>} when the broker has taken all. */
public final class LoadGenerator {
    /** How it sends. */
    public enum Kind {
        /** Evenly, with stamps that the probe does not measure: to see an engine's first answer. */
        PRIMER,

        /** Evenly, each record stamped with the moment at which it was due. */
        PACED,

        /** As fast as it can, and behind all a record in each partition that says so. */
        BACKLOG
    }

    /** The stamp of a record that is sent only to see the engine's first answer. */
    static final long PRIMER_STAMP = 0;

    /** The stamp of a partition's last record. */
    static final long END_STAMP = 1;

    /** Payments of primers are none of those that are measured. */
    private static final long FIRST_PRIMER = 1L << 40;

    private static final long MAX_PARK_NANOS = 200_000L;

    private LoadGenerator() {}

    /** Takes kind, bootstrap, topic, rate (records per second), count and cards. */
    public static void main(String[] words) {
        Arguments arguments = Arguments.parse(words);
        String topic = arguments.text("topic");
        Kind kind = Kind.valueOf(arguments.text("kind"));
        AtomicLong taken = new AtomicLong();
        boolean backlog = kind == Kind.BACKLOG;
        String bootstrap = arguments.text("bootstrap");
        try (KafkaProducer<byte[], byte[]> producer =
                backlog ? Clients.bulkProducer(bootstrap) : Clients.producer(bootstrap)) {
            send(producer, topic, kind, arguments, taken);
            if (backlog) {
                for (int partition = 0; partition < Clients.PARTITION_COUNT; partition++) {
                    send(producer, topic, partition, end(partition), taken);
                }
            }
        }
        System.out.println("result " + taken.get());
    }

    private static void send(
            KafkaProducer<byte[], byte[]> producer, String topic, Kind kind, Arguments arguments, AtomicLong taken) {
        TransactionRows rows = new TransactionRows(arguments.whole("cards"));
        long rate = arguments.number("rate");
        long count = arguments.number("count");
        long start = System.nanoTime();
        long startMicros = Clients.nowMicros();
        for (long i = 0; i < count; i++) {
            long created = Clients.nowMicros();
            if (kind != Kind.BACKLOG) {
                long dueNanos = i * 1_000_000_000L / rate;
                awaitDue(start + dueNanos);
                created = startMicros + dueNanos / 1_000;
            }
            boolean primer = kind == Kind.PRIMER;
            Transaction transaction = rows.transaction(primer ? FIRST_PRIMER + i : i, primer ? PRIMER_STAMP : created);
            send(producer, topic, -1, transaction, taken);
        }
    }

    private static void send(
            KafkaProducer<byte[], byte[]> producer,
            String topic,
            int partition,
            Transaction transaction,
            AtomicLong taken) {
        byte[] key = Integer.toString(transaction.card()).getBytes(StandardCharsets.UTF_8);
        // What the broker did not take is missing in the count.
        var unused = producer.send(
                new ProducerRecord<>(topic, partition < 0 ? null : partition, key, transaction.toJson()),
                (metadata, error) -> {
                    if (error == null) {
                        taken.incrementAndGet();
                    }
                });
    }

    /** Passes every filter and shares its key with no other record. */
    private static Transaction end(int partition) {
        return new Transaction(-1 - partition, 100, "m0", "DE", END_STAMP, -1 - partition, 0);
    }

    private static void awaitDue(long dueNanos) {
        for (long left = dueNanos - System.nanoTime(); left > 0; left = dueNanos - System.nanoTime()) {
            LockSupport.parkNanos(Math.min(left, MAX_PARK_NANOS));
        }
    }
}
