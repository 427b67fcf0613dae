package dev.millrace.kafka;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.millrace.kafka.broker.LocalKafka;
import dev.millrace.kafka.sink.Committed;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.admin.TransactionListing;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.streaming.StreamingQuery;
import org.apache.spark.sql.streaming.StreamingQueryException;
import org.apache.spark.sql.streaming.Trigger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Spark's own Kafka source and sink under Millrace, against a real broker. */
@Timeout(180)
final class KafkaQuerySparkTest {
    @TempDir
    private static Path brokerFolder;

    @TempDir
    private Path folder;

    private static LocalKafka kafka;
    private static SparkSession session;
    private static Admin admin;

    @BeforeAll
    static void start() throws Exception {
        kafka = LocalKafka.start(brokerFolder, Map.of("spark.sql.shuffle.partitions", "4"));
        session = kafka.session();
        admin = kafka.admin();
    }

    @AfterAll
    static void stop() throws Exception {
        kafka.close();
    }

    @AfterEach
    void stopQueries() throws Exception {
        for (StreamingQuery query : session.streams().active()) {
            query.stop();
        }
        session.streams().resetTerminated();
        await().untilAsserted(() -> assertThat(Thread.getAllStackTraces().keySet())
                .extracting(Thread::getName)
                .noneMatch(name -> name.startsWith("millrace")));
    }

    @Test
    void copiesFromTopicToTopicAndGoesOnAfterARestart() throws Exception {
        String in = kafka.topic(2);
        String out = kafka.topic(1);
        kafka.send(in, 0, 10);
        StreamingQuery query = copy(in, out);
        query.processAllAvailable();
        query.stop();
        kafka.send(in, 10, 20);
        StreamingQuery again = copy(in, out);
        again.processAllAvailable();

        assertThat(again.lastProgress().sources()[0].endOffset()).contains(in);
        again.stop();
        assertThat(read(out)).containsExactlyInAnyOrderElementsOf(LocalKafka.numbers(0, 20));
    }

    @Test
    void answersAnEventLongBeforeItsEpochEnds() throws Exception {
        String in = kafka.topic(1);
        String out = kafka.topic(1);
        StreamingQuery query = copy(in, out, "1 hour");
        await().until(() -> query.status().message().equals("Waiting for data to arrive"));
        kafka.send(in, 0, 1);

        await().atMost(20, TimeUnit.SECONDS).until(() -> read(out).size() == 1);
        query.stop();
        assertThat(query.lastProgress().numInputRows()).isEqualTo(1);
    }

    @Test
    void countsByKeyInUpdateMode() throws Exception {
        String in = kafka.topic(2);
        String out = kafka.topic(1);
        kafka.send(in, 0, 30);
        Dataset<Row> counts = records(in)
                .selectExpr("cast(cast(value as string) as int) % 3 as k")
                .groupBy("k")
                .count()
                .selectExpr("cast(k as string) as key", "concat(k, '=', count) as value");
        StreamingQuery query = write(counts, out, "200 milliseconds").start();
        query.processAllAvailable();

        assertThat(read(out)).contains("0=10", "1=10", "2=10");
        assertThat(query.lastProgress().stateOperators()).hasSize(1);
        assertThat(query.lastProgress().stateOperators()[0].numRowsTotal()).isEqualTo(3);

        // New partitions are read as they come, and keys of theirs are counted on.
        admin.createPartitions(Map.of(in, NewPartitions.increaseTo(3))).all().get();
        await().until(() -> partitions(in) == 3);
        kafka.send(new ProducerRecord<>(in, 2, null, LocalKafka.bytes("30")));
        kafka.flush();
        await().untilAsserted(() -> assertThat(read(out)).contains("0=11"));
        query.stop();
        assertThat(query.exception().isDefined()).isFalse();

        StreamingQuery restarted = write(counts, out, "200 milliseconds").start();
        kafka.send(new ProducerRecord<>(in, 0, null, LocalKafka.bytes("33")));
        kafka.flush();
        await().untilAsserted(() -> assertThat(read(out)).contains("0=12"));
        restarted.stop();
    }

    @Test
    void readsPartitionsThatAreAddedWhileItRuns() throws Exception {
        String in = kafka.topic(1);
        String out = kafka.topic(1);
        kafka.send(in, 0, 5);
        StreamingQuery query = copy(in, out);
        query.processAllAvailable();
        admin.createPartitions(Map.of(in, NewPartitions.increaseTo(3))).all().get();
        await().until(() -> partitions(in) == 3);
        for (int partition = 0; partition < 3; partition++) {
            kafka.send(new ProducerRecord<>(in, partition, null, LocalKafka.bytes("p" + partition)));
        }
        kafka.flush();

        await().atMost(30, TimeUnit.SECONDS)
                .untilAsserted(() -> assertThat(read(out)).contains("p0", "p1", "p2"));
        query.stop();
        assertThat(query.exception().isDefined()).isFalse();
    }

    @Test
    void endsWhenATopicIsMissing() throws Exception {
        StreamingQuery query = copy("no-such-topic", kafka.topic(1));

        assertThatThrownBy(query::awaitTermination)
                .isInstanceOf(StreamingQueryException.class)
                .hasMessageContaining("MILLRACE_SOURCE_FAILED")
                .hasMessageContaining("no-such-topic");
    }

    @Test
    void endsWhenRecordsAreGoneThatItHasNotRead() throws Exception {
        String in = kafka.topic(1);
        String out = kafka.topic(1);
        kafka.send(in, 0, 5);
        StreamingQuery query = copy(in, out);
        query.processAllAvailable();
        query.stop();
        kafka.send(in, 5, 20);
        admin.deleteRecords(Map.of(new TopicPartition(in, 0), RecordsToDelete.beforeOffset(15)))
                .all()
                .get();

        StreamingQuery again = copy(in, out);
        assertThatThrownBy(() -> assertThat(again.awaitTermination(60_000)).isTrue())
                .isInstanceOf(StreamingQueryException.class)
                .hasMessageContaining("MILLRACE_SOURCE_DATA_LOST");
    }

    @Test
    void endsWhenTheBrokerCannotBeReachedAndStopsSoonMeanwhile() throws Exception {
        Map<String, String> options = new HashMap<>(Map.of(
                "kafka.bootstrap.servers", "127.0.0.1:1",
                "subscribe", "any",
                "kafka.default.api.timeout.ms", "3000",
                "kafka.request.timeout.ms", "2000",
                "fetchOffset.numRetries", "1",
                "startingOffsets", "earliest"));
        Dataset<Row> rows =
                session.readStream().format("kafka").options(options).load().selectExpr("value");
        StreamingQuery query = write(rows, kafka.topic(1), "200 milliseconds").start();
        assertThatThrownBy(() -> assertThat(query.awaitTermination(60_000)).isTrue())
                .isInstanceOf(StreamingQueryException.class)
                .hasMessageContaining("MILLRACE_SOURCE_FAILED");

        options.put("kafka.default.api.timeout.ms", "60000");
        Dataset<Row> patient =
                session.readStream().format("kafka").options(options).load().selectExpr("value");
        StreamingQuery waiting = write(patient, kafka.topic(1), "200 milliseconds")
                .option("checkpointLocation", folder.resolve("waiting").toString())
                .start();
        await("the question to the broker").until(() -> Thread.getAllStackTraces().entrySet().stream()
                .anyMatch(thread -> thread.getKey().getName().startsWith("stream execution thread")
                        && Arrays.stream(thread.getValue())
                                .anyMatch(frame -> frame.getClassName().contains("KafkaOffsetReaderAdmin"))));
        long start = System.nanoTime();
        waiting.stop();
        assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Duration.ofSeconds(5));
        assertThat(waiting.exception().isDefined()).isFalse();
    }

    @Test
    void writesInTransactionsAndReplaysNothingAfterAStop() throws Exception {
        String in = kafka.topic(2);
        String out = kafka.topic(1);
        for (int run = 0; run < 3; run++) {
            kafka.send(in, run * 10, run * 10 + 10);
            StreamingQuery query = write(records(in).selectExpr("key", "value"), out, "200 milliseconds")
                    .option("spark.millrace.kafka.transactional", "true")
                    .start();
            query.processAllAvailable();
            query.stop();
            assertThat(Committed.values(kafka.bootstrap(), out))
                    .containsExactlyInAnyOrderElementsOf(LocalKafka.numbers(0, run * 10 + 10));
        }
    }

    @Test
    void writesEachRowOnceAlthoughItsTransactionWasAborted() throws Exception {
        String in = kafka.topic(1);
        String out = kafka.topic(1);
        StreamingQuery query = write(records(in).selectExpr("key", "value"), out, "20 seconds")
                .option("spark.millrace.kafka.transactional", "true")
                .start();
        kafka.send(in, 0, 5);
        query.processAllAvailable();
        kafka.send(in, 5, 10);
        await().until(() -> read(out).size() == 10);
        assertThat(Committed.values(kafka.bootstrap(), out)).containsExactlyElementsOf(LocalKafka.numbers(0, 5));
        // As the broker does with a transaction that stays open for too long: its next rows are refused.
        List<String> ids = admin.listTransactions().all().get().stream()
                .map(TransactionListing::transactionalId)
                .filter(id -> id.contains(query.id().toString()))
                .toList();
        admin.fenceProducers(ids).all().get();
        kafka.send(in, 10, 20);
        query.processAllAvailable();

        assertThat(Committed.values(kafka.bootstrap(), out)).containsExactlyElementsOf(LocalKafka.numbers(0, 20));
        query.stop();
        assertThat(query.exception().isDefined()).isFalse();
    }

    @Test
    void refusesAnOutputTopicThatIsMissingBeforeTheQueryStarts() {
        var writer = write(records("any").selectExpr("value"), "no-such-output", "200 milliseconds")
                .option("spark.millrace.kafka.transactional", "true");

        assertThatThrownBy(writer::start)
                .hasMessageContaining("MILLRACE_UNSUPPORTED_SINK")
                .hasMessageContaining("topic=no-such-output");
    }

    private StreamingQuery copy(String in, String out) throws Exception {
        return copy(in, out, "200 milliseconds");
    }

    private StreamingQuery copy(String in, String out, String interval) throws Exception {
        return write(records(in).selectExpr("key", "value"), out, interval).start();
    }

    private static Dataset<Row> records(String topic) {
        return session.readStream()
                .format("kafka")
                .option("kafka.bootstrap.servers", kafka.bootstrap())
                .option("kafka.metadata.max.age.ms", "500")
                .option("subscribe", topic)
                .option("startingOffsets", "earliest")
                .load();
    }

    private org.apache.spark.sql.streaming.DataStreamWriter<Row> write(
            Dataset<Row> rows, String topic, String interval) {
        return rows.writeStream()
                .format("kafka")
                .option("kafka.bootstrap.servers", kafka.bootstrap())
                .option("topic", topic)
                .option("checkpointLocation", folder.resolve("checkpoint").toString())
                .outputMode("update")
                .trigger(Trigger.RealTime(interval));
    }

    private static int partitions(String topic) throws Exception {
        return admin.describeTopics(List.of(topic))
                .allTopicNames()
                .get()
                .get(topic)
                .partitions()
                .size();
    }

    /** All values that a topic of one partition holds. */
    private static List<String> read(String topic) {
        TopicPartition partition = new TopicPartition(topic, 0);
        try (KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(
                Map.<String, Object>of("bootstrap.servers", kafka.bootstrap()),
                new ByteArrayDeserializer(),
                new ByteArrayDeserializer())) {
            consumer.assign(List.of(partition));
            consumer.seekToBeginning(List.of(partition));
            long end = consumer.endOffsets(List.of(partition)).get(partition);
            List<String> values = new ArrayList<>();
            while (consumer.position(partition) < end) {
                consumer.poll(Duration.ofMillis(200))
                        .forEach(one -> values.add(new String(one.value(), StandardCharsets.UTF_8)));
            }
            return values;
        }
    }
}
