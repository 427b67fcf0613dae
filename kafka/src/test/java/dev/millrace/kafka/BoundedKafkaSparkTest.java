package dev.millrace.kafka;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.kafka.broker.KafkaBroker;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.spark.api.java.function.VoidFunction2;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.streaming.StreamingQuery;
import org.apache.spark.sql.streaming.Trigger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A topic in bounded epochs, with stock Spark over the same topic as the oracle. */
@Timeout(120)
final class BoundedKafkaSparkTest {
    private static final String TRIGGERS = "spark.millrace.triggers";

    @TempDir
    private static Path brokerFolder;

    @TempDir
    private Path folder;

    private static KafkaBroker broker;
    private static SparkSession session;
    private static Admin admin;
    private static KafkaProducer<byte[], byte[]> producer;
    private static int topics;

    private String topic = "";

    /** What each batch gave, by its number. */
    private Map<Long, List<String>> batches = new ConcurrentSkipListMap<>();

    @BeforeAll
    static void start() throws Exception {
        broker = KafkaBroker.start(brokerFolder.resolve("broker"));
        session = SparkSession.builder()
                .master("local[2]")
                .config("spark.ui.enabled", "false")
                .getOrCreate();
        session.sparkContext().setLogLevel("ERROR");
        admin = Admin.create(Map.<String, Object>of("bootstrap.servers", broker.bootstrap()));
        producer = new KafkaProducer<>(
                Map.<String, Object>of("bootstrap.servers", broker.bootstrap()),
                new ByteArraySerializer(),
                new ByteArraySerializer());
    }

    @AfterAll
    static void stop() throws Exception {
        session.stop();
        producer.close(Duration.ofSeconds(1));
        admin.close(Duration.ofSeconds(1));
        broker.close();
    }

    @BeforeEach
    void createTopic() throws Exception {
        topic = "bounded-" + topics++;
        admin.createTopics(List.of(new NewTopic(topic, 2, (short) 1))).all().get();
    }

    @Test
    void takesNoMoreOfATopicThanABatchMayHave() throws Exception {
        send(0, 20);
        Map<Long, List<String>> sparks = runToEnd("realtime", "spark");
        Map<Long, List<String>> given = runToEnd("all", "millrace");
        assertThat(given).isEqualTo(sparks).containsOnlyKeys(0L, 1L, 2L);

        send(20, 30);
        sparks = runToEnd("realtime", "spark");
        given = runToEnd("all", "millrace");
        assertThat(given).isEqualTo(sparks).containsOnlyKeys(3L, 4L);
    }

    @Test
    void goesFromSparkToBoundedToContinuousAndBackOnOneCheckpoint() throws Exception {
        send(0, 12);
        List<String> given = new ArrayList<>(values(runToEnd("realtime", "checkpoint")));
        send(12, 25);
        given.addAll(values(runToEnd("all", "checkpoint")));
        send(25, 40);
        StreamingQuery query = query("realtime", "checkpoint", Trigger.RealTime("5 minutes"), Map.of());
        query.processAllAvailable();
        send(40, 50);
        query.processAllAvailable();
        query.stop();
        given.addAll(values(batches));
        send(50, 61);
        given.addAll(values(runToEnd("all", "checkpoint")));

        assertThat(given).containsExactlyInAnyOrderElementsOf(numbers(0, 61));
    }

    private static List<String> values(Map<Long, List<String>> batches) {
        return batches.values().stream().flatMap(List::stream).toList();
    }

    /** Runs until all is read that there is; gives what the batches of this run gave. */
    private Map<Long, List<String>> runToEnd(String triggers, String checkpoint) throws Exception {
        query(triggers, checkpoint, Trigger.AvailableNow(), Map.of("maxOffsetsPerTrigger", "8"))
                .awaitTermination();
        return batches;
    }

    private StreamingQuery query(String triggers, String checkpoint, Trigger trigger, Map<String, String> options)
            throws Exception {
        Map<Long, List<String>> taken = new ConcurrentSkipListMap<>();
        batches = taken;
        VoidFunction2<Dataset<Row>, Long> take = (rows, number) -> taken.put(
                number,
                rows.collectAsList().stream()
                        .map(row -> row.getString(0))
                        .sorted()
                        .toList());
        Dataset<Row> rows = session.readStream()
                .format("kafka")
                .option("kafka.bootstrap.servers", broker.bootstrap())
                .option("subscribe", topic)
                .option("startingOffsets", "earliest")
                .options(options)
                .load()
                .selectExpr("cast(value as string)");
        session.conf().set(TRIGGERS, triggers);
        try {
            return rows.writeStream()
                    .foreachBatch(take)
                    .option("checkpointLocation", folder.resolve(checkpoint).toString())
                    .trigger(trigger)
                    .start();
        } finally {
            session.conf().unset(TRIGGERS);
        }
    }

    /** Rows in turn to the two partitions. */
    private void send(int from, int to) {
        for (String number : numbers(from, to)) {
            byte[] value = number.getBytes(StandardCharsets.UTF_8);
            var unused = producer.send(new ProducerRecord<>(topic, Integer.parseInt(number) % 2, null, value));
        }
        producer.flush();
    }

    private static List<String> numbers(int from, int to) {
        return IntStream.range(from, to).mapToObj(Integer::toString).toList();
    }
}
