package dev.millrace.kafka.source;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.millrace.engine.source.PartitionOutput;
import dev.millrace.engine.source.SourceReader;
import dev.millrace.kafka.broker.LocalKafka;
import dev.millrace.spark.fragment.TaskCopies;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.connector.read.InputPartition;
import org.apache.spark.sql.kafka010.KafkaBatchInputPartition;
import org.apache.spark.sql.kafka010.KafkaOffsetRange;
import org.apache.spark.sql.kafka010.KafkaSourcePartitionOffset;
import org.apache.spark.sql.streaming.StreamingQuery;
import org.apache.spark.sql.streaming.StreamingQueryException;
import org.apache.spark.sql.streaming.Trigger;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import scala.Option;

/** Millrace's own Kafka reader against a real broker, with Spark's batch reader as the oracle. */
@Timeout(180)
final class KafkaSourceSparkTest {
    @TempDir
    private static Path brokerFolder;

    @TempDir
    private Path folder;

    private static LocalKafka kafka;
    private static SparkSession session;
    private static Admin admin;
    private static int names;

    @BeforeAll
    static void start() throws Exception {
        kafka = LocalKafka.start(brokerFolder, Map.of());
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
        session.conf().unset("spark.millrace.kafka.native");
    }

    /** Of a portion, to the consumer that reads it on another worker. */
    @Test
    void whatASlotReadsTravelsToItsWorker() {
        KafkaOffsetRange range = new KafkaOffsetRange(new TopicPartition("topic", 2), 3, 7, Option.empty());
        KafkaSplit split = new KafkaSplit(
                1, List.of(new KafkaBatchInputPartition(range, Map.of("group.id", "any"), 500, true, false)));

        assertThat(TaskCopies.of(split).copy()).isEqualTo(split);
    }

    @Test
    void givesTheRowsThatSparksReadersGive() throws Exception {
        String topic = kafka.topic(3);
        try (KafkaProducer<byte[], byte[]> producer = kafka.producer(Map.of())) {
            for (int i = 0; i < 200; i++) {
                RecordHeaders headers = new RecordHeaders();
                for (int h = 0; h < i % 3; h++) {
                    headers.add("header" + h, h == 1 ? null : LocalKafka.bytes("value" + i));
                }
                var unused = producer.send(new ProducerRecord<>(
                        topic,
                        i % 3,
                        i % 10 == 0 ? null : 1_700_000_000_000L + i,
                        i % 4 == 0 ? null : LocalKafka.bytes("k" + i),
                        i % 7 == 0 ? null : LocalKafka.bytes("v".repeat(i)),
                        headers));
            }
        }
        Map<String, String> options = options(topic, Map.of("includeHeaders", "true"));
        List<String> expected =
                texts(session.read().format("kafka").options(options).load());
        assertThat(expected).hasSize(200);

        for (String isNative : List.of("true", "false")) {
            session.conf().set("spark.millrace.kafka.native", isNative);
            StreamingQuery query = start(options);
            query.processAllAvailable();
            assertThat(texts(session.table(query.name())))
                    .as("native=%s", isNative)
                    .isEqualTo(expected);
            query.stop();
        }
    }

    @Test
    void readsWithOneConsumerForAllPartitions() throws Exception {
        StreamingQuery query = start(options(kafka.topic(3), Map.of()));
        await().until(() -> threads("reader") == 1);
        query.stop();
        session.conf().set("spark.millrace.kafka.native", "false");
        StreamingQuery sparks = start(options(kafka.topic(3), Map.of()));
        await().until(() -> threads("reader") == 3);
        sparks.stop();
    }

    @Test
    void endsWhenTheHeadOfATopicIsGoneThatItHasNotRead() throws Exception {
        String topic = topicWithoutItsHead();
        StreamingQuery query = start(options(topic, Map.of("startingOffsets", "{\"%s\":{\"0\":0}}".formatted(topic))));

        assertThatThrownBy(() -> assertThat(query.awaitTermination(60_000)).isTrue())
                .isInstanceOf(StreamingQueryException.class)
                .hasMessageContaining("MILLRACE_SOURCE_DATA_LOST")
                .hasMessageContaining("topic=%s, partition=0, offset=0, available=6 to 10".formatted(topic))
                .hasMessageContaining("failOnDataLoss");
    }

    @Test
    void goesOnWithWhatIsLeftWhenTheUserAllowsLoss() throws Exception {
        String topic = topicWithoutItsHead();
        StreamingQuery query = start(options(
                topic, Map.of("startingOffsets", "{\"%s\":{\"0\":0}}".formatted(topic), "failOnDataLoss", "false")));
        query.processAllAvailable();

        assertThat(values(query)).containsExactlyInAnyOrder("6", "7", "8", "9");
    }

    @Test
    void readsOnlyWhatIsCommittedAndGoesPastTransactionMarkers() throws Exception {
        String topic = kafka.topic(1);
        try (KafkaProducer<byte[], byte[]> producer = kafka.producer(Map.of("transactional.id", topic))) {
            producer.initTransactions();
            for (int transaction = 0; transaction < 4; transaction++) {
                producer.beginTransaction();
                var unused = producer.send(new ProducerRecord<>(topic, LocalKafka.bytes("row" + transaction)));
                producer.flush();
                if (transaction % 2 == 0) {
                    producer.commitTransaction();
                } else {
                    producer.abortTransaction();
                }
            }
        }
        StreamingQuery committed = start(options(topic, Map.of("kafka.isolation.level", "read_committed")));
        committed.processAllAvailable();
        assertThat(values(committed)).containsExactlyInAnyOrder("row0", "row2");
        assertThat(committed.lastProgress().sources()[0].endOffset()).contains("\"0\":8");

        StreamingQuery all = start(options(topic, Map.of()));
        all.processAllAvailable();
        assertThat(values(all)).containsExactlyInAnyOrder("row0", "row1", "row2", "row3");
    }

    @Test
    void endsOrGoesOnWhenATopicIsDeletedAsTheUserChose() throws Exception {
        String kept = kafka.topic(1);
        String deleted = kept + "-deleted";
        kafka.createTopic(deleted, 1);
        kafka.send(kept, 0, 3);
        kafka.send(deleted, 3, 6);
        Map<String, String> options = options(kept, Map.of("subscribePattern", kept + ".*"));
        options.remove("subscribe");
        StreamingQuery strict = start(options);
        options.put("failOnDataLoss", "false");
        StreamingQuery lenient = start(options);
        strict.processAllAvailable();
        lenient.processAllAvailable();
        admin.deleteTopics(List.of(deleted)).all().get();

        assertThatThrownBy(() -> assertThat(strict.awaitTermination(60_000)).isTrue())
                .isInstanceOf(StreamingQueryException.class)
                .hasMessageContaining("MILLRACE_SOURCE_DATA_LOST")
                .hasMessageContaining(deleted);
        kafka.send(kept, 6, 9);
        await().untilAsserted(() -> assertThat(values(lenient)).contains("0", "1", "2", "3", "4", "5", "6", "7", "8"));
        lenient.stop();
        assertThat(lenient.exception().isDefined()).isFalse();
    }

    @Test
    void readsOnFromOtherPartitionsWhileOneIsFull() throws Exception {
        String topic = kafka.topic(2);
        int rows = 2_000;
        try (KafkaProducer<byte[], byte[]> producer = kafka.producer(Map.of())) {
            for (int i = 0; i < 2 * rows; i++) {
                var unused = producer.send(new ProducerRecord<>(topic, i % 2, null, LocalKafka.bytes("row" + i)));
            }
        }
        BoundedOutput full = new BoundedOutput(100);
        BoundedOutput open = new BoundedOutput(Integer.MAX_VALUE);
        try (SourceReader reader = reader(topic, 2)) {
            reader.open(List.of(full, open));
            while (open.published < rows) {
                assertThat(reader.read()).isTrue();
            }
            assertThat(full.published).isLessThanOrEqualTo(100);
            assertThat(full.offset()).isEqualTo(full.published);

            full.limit = Integer.MAX_VALUE;
            reader.wakeUp();
            while (full.published < rows) {
                assertThat(reader.read()).isTrue();
            }
            assertThat(full.offset()).isEqualTo(rows);
            assertThat(open.published).isEqualTo(rows);
        }
    }

    @Test
    void waitsForRoomWhenAllPartitionsAreFull() throws Exception {
        String topic = kafka.topic(1);
        kafka.send(topic, 0, 10);
        BoundedOutput full = new BoundedOutput(4);
        try (SourceReader reader = reader(topic, 1)) {
            reader.open(List.of(full));
            while (full.published < 4) {
                assertThat(reader.read()).isTrue();
            }
            assertThat(reader.read()).isFalse();
            full.limit = 20;
            assertThat(reader.read()).isTrue();
            assertThat(full.published).isEqualTo(10);
        }
    }

    /** Takes rows up to a limit, and keeps none of them. */
    private static final class BoundedOutput implements PartitionOutput {
        private byte[] bytes = new byte[0];
        private int limit;
        private int appended;
        private int published;
        private @Nullable Object position;

        BoundedOutput(int limit) {
            this.limit = limit;
        }

        @Override
        public int reserve(int rowSizeBytes) {
            if (appended == limit) {
                return NO_ROOM;
            }
            appended++;
            bytes = new byte[rowSizeBytes];
            return 0;
        }

        @Override
        public byte[] bytes() {
            return bytes;
        }

        @Override
        public void publish(Object positionBehind) {
            published = appended;
            position = positionBehind;
        }

        @Override
        public void publish() {
            throw new UnsupportedOperationException("reads no portions");
        }

        @Override
        public boolean endPortion() {
            throw new UnsupportedOperationException("reads no portions");
        }

        @Override
        public boolean endEpoch(long epoch, Object positionBehind) {
            throw new UnsupportedOperationException("reads no portions");
        }

        long offset() {
            return ((KafkaSourcePartitionOffset) java.util.Objects.requireNonNull(position)).partitionOffset();
        }
    }

    private static SourceReader reader(String topic, int partitions) {
        InputPartition[] planned = new InputPartition[partitions];
        Map<String, Object> settings = Map.of(
                "bootstrap.servers", kafka.bootstrap(), "auto.offset.reset", "none", "enable.auto.commit", "false");
        for (int p = 0; p < partitions; p++) {
            KafkaOffsetRange range =
                    new KafkaOffsetRange(new TopicPartition(topic, p), 0, Long.MAX_VALUE, scala.Option.empty());
            planned[p] = new KafkaBatchInputPartition(range, settings, 1_000, true, false);
        }
        return KafkaReader.ofAll("test", planned, 1).get(0).create();
    }

    private static Map<String, String> options(String topic, Map<String, String> more) {
        Map<String, String> options = new HashMap<>(Map.of(
                "kafka.bootstrap.servers",
                kafka.bootstrap(),
                "kafka.metadata.max.age.ms",
                "500",
                "subscribe",
                topic,
                "startingOffsets",
                "earliest"));
        options.putAll(more);
        return options;
    }

    private StreamingQuery start(Map<String, String> options) throws Exception {
        String name = "query" + names++;
        return session.readStream()
                .format("kafka")
                .options(options)
                .load()
                .writeStream()
                .format("memory")
                .queryName(name)
                .option("checkpointLocation", folder.resolve(name).toString())
                .outputMode("update")
                .trigger(Trigger.RealTime("200 milliseconds"))
                .start();
    }

    private static List<String> texts(Dataset<Row> rows) {
        return rows.selectExpr("to_json(struct(*)) as text").collectAsList().stream()
                .map(row -> row.getString(0))
                .sorted()
                .toList();
    }

    private static List<String> values(StreamingQuery query) {
        List<String> values = new ArrayList<>();
        session.table(query.name())
                .selectExpr("cast(value as string)")
                .collectAsList()
                .forEach(row -> values.add(row.getString(0)));
        return values;
    }

    private static long threads(String part) {
        return Thread.getAllStackTraces().keySet().stream()
                .filter(thread -> thread.getName().startsWith("millrace")
                        && thread.getName().contains(part))
                .count();
    }

    private static String topicWithoutItsHead() throws Exception {
        String topic = kafka.topic(1);
        kafka.send(topic, 0, 10);
        kafka.deleteBefore(topic, 0, 6);
        return topic;
    }
}
