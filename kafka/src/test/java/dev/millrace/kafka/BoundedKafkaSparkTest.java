package dev.millrace.kafka;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.millrace.kafka.broker.LocalKafka;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.stream.Collectors;
import javax.management.ObjectName;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.spark.api.java.function.VoidFunction2;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.streaming.StreamingQuery;
import org.apache.spark.sql.streaming.Trigger;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A topic in bounded epochs, with stock Spark over the same topic as the oracle: the same rows in each batch. */
@Timeout(180)
final class BoundedKafkaSparkTest {
    private static final String TRIGGERS = "spark.millrace.triggers";
    private static final String SPARK = "realtime";
    private static final String BOUNDED = "all";

    @TempDir
    private static Path brokerFolder;

    @TempDir
    private Path folder;

    private static LocalKafka kafka;
    private static SparkSession session;

    private String topic = "";
    private final Map<String, String> options = new HashMap<>();

    /** What each batch gave, by its number. */
    private Map<Long, List<String>> batches = new ConcurrentSkipListMap<>();

    @BeforeAll
    static void start() throws Exception {
        kafka = LocalKafka.start(
                brokerFolder,
                Map.of(
                        "spark.sql.streaming.checkpointFileManagerClass",
                        "org.apache.spark.sql.execution.streaming.checkpointing.FileSystemBasedCheckpointFileManager"));
        session = kafka.session();
    }

    @AfterAll
    static void stop() throws Exception {
        kafka.close();
    }

    @BeforeEach
    void createTopic() throws Exception {
        topic = kafka.topic(2);
        options.putAll(Map.of(
                "kafka.bootstrap.servers", kafka.bootstrap(), "subscribe", topic, "startingOffsets", "earliest"));
    }

    @Test
    void takesNoMoreOfATopicThanABatchMayHave() throws Exception {
        options.put("maxOffsetsPerTrigger", "8");
        send(0, 20);
        assertThat(compare()).containsOnlyKeys(0L, 1L, 2L);
        send(20, 30);
        assertThat(compare()).containsOnlyKeys(3L, 4L);
    }

    @Test
    void givesKeysHeadersAndTimestampsAsSparkDoes() throws Exception {
        options.put("includeHeaders", "true");
        options.put("maxOffsetsPerTrigger", "70");
        for (int i = 0; i < 200; i++) {
            RecordHeaders headers = new RecordHeaders();
            for (int h = 0; h < i % 3; h++) {
                headers.add("header" + h, h == 1 ? null : LocalKafka.bytes("value" + i));
            }
            kafka.send(new ProducerRecord<>(
                    topic,
                    i % 2,
                    i % 10 == 0 ? null : 1_700_000_000_000L + i,
                    i % 4 == 0 ? null : LocalKafka.bytes("k" + i),
                    i % 7 == 0 ? null : LocalKafka.bytes("v".repeat(i)),
                    headers));
        }
        kafka.flush();
        assertThat(compare()).hasSize(3);
    }

    @ParameterizedTest
    @CsvSource({"minPartitions, 5", "maxRecordsPerPartition, 700", "minPartitions, 1", "kafka.max.poll.records, 7"})
    void readsAllOfAPartitionHoweverItIsDivided(String option, String value) throws Exception {
        options.put(option, value);
        options.put("maxOffsetsPerTrigger", "3000");
        kafka.sendInTurn(topic, 1, 0, 6_000);
        kafka.sendInTurn(topic, 2, 6_000, 8_000);
        assertThat(compare()).hasSize(3);
    }

    @ParameterizedTest
    @CsvSource({"read_committed, 1", "read_committed, 5", "read_committed, 1000", "read_uncommitted, 5"})
    void goesPastAbortedTransactionsAndTheirMarkers(String isolation, String limit) throws Exception {
        options.put("kafka.isolation.level", isolation);
        options.put("maxOffsetsPerTrigger", limit);
        try (KafkaProducer<byte[], byte[]> producer = kafka.producer(Map.of("transactional.id", topic))) {
            producer.initTransactions();
            for (int transaction = 0; transaction < 4; transaction++) {
                producer.beginTransaction();
                for (int row = 0; row < 3; row++) {
                    var unused = producer.send(
                            new ProducerRecord<>(topic, 0, null, LocalKafka.bytes("row" + transaction + "." + row)));
                }
                producer.flush();
                if (transaction % 2 == 0) {
                    producer.commitTransaction();
                } else {
                    producer.abortTransaction();
                }
            }
        }
        assertThat(values(compare())).hasSize(isolation.equals("read_committed") ? 6 : 12);
    }

    @Test
    void endsOrGoesOnAsTheUserChoseWhereRecordsAreGone() throws Exception {
        options.put("startingOffsets", "{\"%s\":{\"0\":0,\"1\":0}}".formatted(topic));
        options.put("maxOffsetsPerTrigger", "8");
        send(0, 40);
        kafka.deleteBefore(topic, 0, 6);
        kafka.deleteBefore(topic, 1, 2);
        assertThatThrownBy(() -> runToEnd(BOUNDED, "strict"))
                .hasMessageContaining("MILLRACE_SOURCE_DATA_LOST")
                .hasMessageContaining(topic);

        options.put("failOnDataLoss", "false");
        assertThat(values(compare())).hasSize(40 - 8);
    }

    @Test
    void endsOrGoesOnAsTheUserChoseWhereATopicIsMadeAnew() throws Exception {
        send(0, 40);
        compare();
        runToEnd(BOUNDED, "strict");
        kafka.admin().deleteTopics(List.of(topic)).all().get();
        Awaitility.await().until(() -> !kafka.admin().listTopics().names().get().contains(topic));
        kafka.createTopic(topic, 2);
        // More than before in the one partition, less in the other.
        kafka.sendInTurn(topic, 1, 100, 130);
        kafka.send(new ProducerRecord<>(topic, 1, null, LocalKafka.bytes("200")));
        kafka.flush();
        assertThatThrownBy(() -> runToEnd(BOUNDED, "strict")).hasMessageContaining("MILLRACE_SOURCE_DATA_LOST");

        options.put("failOnDataLoss", "false");
        compare();
    }

    @Test
    void readsPartitionsThatAreAddedBetweenRuns() throws Exception {
        send(0, 10);
        compare();
        kafka.admin()
                .createPartitions(Map.of(topic, NewPartitions.increaseTo(5)))
                .all()
                .get();
        Awaitility.await()
                .until(() -> kafka.admin()
                                .describeTopics(List.of(topic))
                                .allTopicNames()
                                .get()
                                .get(topic)
                                .partitions()
                                .size()
                        == 5);
        kafka.sendInTurn(topic, 5, 10, 60);
        assertThat(values(compare())).hasSize(50);
    }

    @Test
    void keepsItsConsumersFromEpochToEpoch() throws Exception {
        Set<String> others = consumers();
        Set<String> own = ConcurrentHashMap.newKeySet();
        StreamingQuery query = start(BOUNDED, "checkpoint", Trigger.ProcessingTime(0));
        for (int i = 0; i < 5; i++) {
            send(i * 10, i * 10 + 10);
            query.processAllAvailable();
            own.addAll(consumers());
        }
        query.stop();
        own.removeAll(others);
        assertThat(batches.size()).isGreaterThanOrEqualTo(5);
        assertThat(values(batches)).hasSize(50);
        assertThat(own).hasSizeLessThanOrEqualTo(2).isNotEmpty();
        assertThat(consumers()).isEqualTo(others);
    }

    private static Set<String> consumers() throws Exception {
        return ManagementFactory.getPlatformMBeanServer()
                .queryNames(new ObjectName("kafka.consumer:type=app-info,id=*"), null)
                .stream()
                .map(name -> name.getKeyProperty("id"))
                .collect(Collectors.toSet());
    }

    @Test
    void goesFromSparkToBoundedToContinuousAndBackOnOneCheckpoint() throws Exception {
        options.put("maxOffsetsPerTrigger", "8");
        send(0, 12);
        List<String> given = new ArrayList<>(values(runToEnd(SPARK, "checkpoint")));
        send(12, 25);
        given.addAll(values(runToEnd(BOUNDED, "checkpoint")));
        options.remove("maxOffsetsPerTrigger");
        send(25, 40);
        StreamingQuery query = start(SPARK, "checkpoint", Trigger.RealTime("5 minutes"));
        query.processAllAvailable();
        send(40, 50);
        query.processAllAvailable();
        query.stop();
        given.addAll(values(batches));
        send(50, 61);
        given.addAll(values(runToEnd(BOUNDED, "checkpoint")));

        assertThat(given).hasSize(61).doesNotHaveDuplicates();
    }

    /** Runs both over what is new, each on a checkpoint of its own; gives what the batches gave. */
    private Map<Long, List<String>> compare() throws Exception {
        Map<Long, List<String>> expected = runToEnd(SPARK, "spark");
        Map<Long, List<String>> given = runToEnd(BOUNDED, "millrace");
        assertThat(given).isEqualTo(expected);
        return given;
    }

    private static List<String> values(Map<Long, List<String>> batches) {
        return batches.values().stream().flatMap(List::stream).toList();
    }

    /** Runs until all is read that there is; gives what the batches of this run gave. */
    private Map<Long, List<String>> runToEnd(String triggers, String checkpoint) throws Exception {
        assertThat(start(triggers, checkpoint, Trigger.AvailableNow())
                        .awaitTermination(Duration.ofMinutes(2).toMillis()))
                .isTrue();
        return batches;
    }

    private StreamingQuery start(String triggers, String checkpoint, Trigger trigger) throws Exception {
        Map<Long, List<String>> taken = new ConcurrentSkipListMap<>();
        batches = taken;
        VoidFunction2<Dataset<Row>, Long> take = (rows, number) -> {
            List<String> texts = new ArrayList<>();
            rows.collectAsList().forEach(row -> texts.add(row.getString(0)));
            Collections.sort(texts);
            taken.put(number, texts);
        };
        Dataset<Row> rows =
                session.readStream().format("kafka").options(options).load().selectExpr("to_json(struct(*))");
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
        kafka.sendInTurn(topic, 2, from, to);
    }
}
