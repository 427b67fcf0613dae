package dev.millrace.kafka.broker;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.spark.sql.SparkSession;
import org.jspecify.annotations.Nullable;

/**
 * What a test of Kafka under Spark begins with: a broker, what fills its topics, and a session that finds Millrace.
 *
 * <p>Thread: the test's.
 */
public final class LocalKafka implements AutoCloseable {
    private static final AtomicInteger TOPICS = new AtomicInteger();

    private final KafkaBroker broker;
    private final Admin admin;
    private final KafkaProducer<byte[], byte[]> producer;
    private final SparkSession session;
    private volatile @Nullable Exception failure;

    private LocalKafka(KafkaBroker broker, SparkSession session) {
        this.broker = broker;
        this.session = session;
        this.admin = Admin.create(Map.<String, Object>of("bootstrap.servers", broker.bootstrap()));
        // A producer that numbers its batches may stand still for good after a hitch with a topic that was just made.
        this.producer = producer(Map.of("enable.idempotence", false, "max.in.flight.requests.per.connection", 1));
    }

    /** Starts a broker in {@code folder}, and a session with some settings. */
    public static LocalKafka start(Path folder, Map<String, String> settings) throws Exception {
        return start(settings, KafkaBroker.start(folder.resolve("broker")));
    }

    /** The same with a broker that listens at another port too, where clients must prove who they are. */
    public static LocalKafka start(Path folder, Map<String, String> settings, SecuredListener listener)
            throws Exception {
        return start(settings, KafkaBroker.start(folder.resolve("broker"), listener::addTo));
    }

    private static LocalKafka start(Map<String, String> settings, KafkaBroker broker) {
        SparkSession.Builder builder = SparkSession.builder().master("local[2]").config("spark.ui.enabled", "false");
        settings.forEach(builder::config);
        SparkSession session = builder.getOrCreate();
        session.sparkContext().setLogLevel("ERROR");
        return new LocalKafka(broker, session);
    }

    public String bootstrap() {
        return broker.bootstrap();
    }

    public SparkSession session() {
        return session;
    }

    public Admin admin() {
        return admin;
    }

    /** A new topic's name. */
    public String topic(int partitions) throws ExecutionException, InterruptedException {
        String name = "topic-" + TOPICS.getAndIncrement();
        createTopic(name, partitions);
        return name;
    }

    public void createTopic(String name, int partitions) throws ExecutionException, InterruptedException {
        admin.createTopics(List.of(new NewTopic(name, partitions, (short) 1)))
                .all()
                .get();
    }

    /** Deletes what lies before an offset of a partition. */
    public void deleteBefore(String topic, int partition, long offset) throws ExecutionException, InterruptedException {
        admin.deleteRecords(Map.of(new TopicPartition(topic, partition), RecordsToDelete.beforeOffset(offset)))
                .all()
                .get();
    }

    /** A producer of its own, for a test that sets it. */
    public KafkaProducer<byte[], byte[]> producer(Map<String, Object> more) {
        Map<String, Object> settings = new HashMap<>(more);
        settings.put("bootstrap.servers", broker.bootstrap());
        return new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer());
    }

    /** Sends numbers as keys and values, to the partitions that go with the keys. */
    public void send(String topic, int from, int to) {
        numbers(from, to).forEach(number -> send(new ProducerRecord<>(topic, bytes(number), bytes(number))));
        flush();
    }

    /** Sends numbers as values, in turn to so many partitions. */
    public void sendInTurn(String topic, int partitions, int from, int to) {
        for (int i = from; i < to; i++) {
            send(new ProducerRecord<>(topic, i % partitions, null, bytes(Integer.toString(i))));
        }
        flush();
    }

    /** Sends one record, at the latest with the next {@link #flush}. */
    public void send(ProducerRecord<byte[], byte[]> one) {
        var unused = producer.send(one, (metadata, error) -> {
            if (error != null) {
                failure = error;
            }
        });
    }

    /** Waits until all is sent. Errors: IllegalStateException where a record was refused. */
    public void flush() {
        producer.flush();
        Exception refused = failure;
        failure = null; // the next test has records of its own
        if (refused != null) {
            throw new IllegalStateException("a record was refused", refused);
        }
    }

    /** The numbers from one to behind another, as text. */
    public static List<String> numbers(int from, int to) {
        return IntStream.range(from, to).mapToObj(Integer::toString).toList();
    }

    public static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    @Override
    public void close() throws Exception {
        session.stop();
        producer.close(Duration.ofSeconds(1));
        admin.close(Duration.ofSeconds(1));
        broker.close();
    }
}
