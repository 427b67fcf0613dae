package dev.millrace.kafka.sink;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.millrace.kafka.broker.KafkaBroker;
import dev.millrace.spark.sink.StreamingWrites;
import dev.millrace.spark.sink.WriteRequest;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.stream.Stream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.errors.RecordTooLargeException;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.GenericInternalRow;
import org.apache.spark.sql.catalyst.expressions.UnsafeProjection;
import org.apache.spark.sql.catalyst.util.GenericArrayData;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.connector.catalog.SupportsWrite;
import org.apache.spark.sql.connector.write.DataWriter;
import org.apache.spark.sql.connector.write.LogicalWriteInfoImpl;
import org.apache.spark.sql.connector.write.PhysicalWriteInfoImpl;
import org.apache.spark.sql.connector.write.streaming.StreamingWrite;
import org.apache.spark.sql.kafka010.KafkaRecordToRowConverter;
import org.apache.spark.sql.kafka010.KafkaSourceProvider;
import org.apache.spark.sql.streaming.OutputMode;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.sql.util.CaseInsensitiveStringMap;
import org.apache.spark.unsafe.types.UTF8String;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Each case is written twice, by Spark's own writer and by Millrace's in its place, to topics of their own. */
@Timeout(120)
final class RowSenderSparkTest {
    private static final String NATIVE = "spark.millrace.kafka.native";
    private static final StructType ALL = new StructType()
            .add("headers", KafkaRecordToRowConverter.headersType())
            .add("partition", "int")
            .add("topic", "string")
            .add("value", "binary")
            .add("unasked", "long")
            .add("key", "string");

    @TempDir
    private static Path brokerFolder;

    private static KafkaBroker broker;
    private static SparkSession session;

    private final Map<String, String> options = new HashMap<>();

    /** Who writes; the suffix of its topics. */
    private enum Side {
        SPARK,
        MILLRACE;

        String topic(String name) {
            return name + "-" + this;
        }
    }

    /** What a record is to its readers. */
    private record Sent(int partition, @Nullable String key, @Nullable String value, List<String> headers) {
        static Sent of(ConsumerRecord<byte[], byte[]> record) {
            List<String> headers = new ArrayList<>();
            record.headers().forEach(header -> headers.add(header.key() + "=" + text(header.value())));
            return new Sent(record.partition(), text(record.key()), text(record.value()), headers);
        }

        private static @Nullable String text(byte @Nullable [] bytes) {
            return bytes == null ? null : new String(bytes, StandardCharsets.ISO_8859_1);
        }
    }

    @BeforeAll
    static void start() throws Exception {
        broker = KafkaBroker.start(brokerFolder.resolve("broker"));
        session = (SparkSession) org.apache.spark.sql.SparkSession.builder()
                .master("local[1]")
                .config("spark.ui.enabled", "false")
                .getOrCreate();
        session.sparkContext().setLogLevel("ERROR");
        try (Admin admin = Admin.create(Map.<String, Object>of("bootstrap.servers", broker.bootstrap()))) {
            List<NewTopic> topics = new ArrayList<>();
            for (Side side : Side.values()) {
                topics.add(new NewTopic(side.topic("one"), 1, (short) 1));
                topics.add(new NewTopic(side.topic("three"), 3, (short) 1));
            }
            admin.createTopics(topics).all().get();
        }
    }

    @AfterAll
    static void stop() throws Exception {
        session.stop();
        broker.close();
    }

    @AfterEach
    void unset() {
        session.conf().unset(NATIVE);
    }

    @Test
    void takesThePlaceOfSparksWriterUnlessKafkaIsLeftToSpark() {
        options.put("topic", "one");
        StructType schema = new StructType().add("value", "string");
        assertThat(write(Side.MILLRACE, schema)).isInstanceOf(PooledWrite.class);
        session.conf().set(NATIVE, "false");
        assertThat(write(Side.MILLRACE, schema).getClass().getSimpleName()).isEqualTo("KafkaStreamingWrite");
    }

    @Test
    void writesValuesAloneWithTheTopicOfTheOption() throws Exception {
        options.put("topic", "one");
        StructType texts = new StructType().add("value", "string");
        for (Side side : Side.values()) {
            write(side, texts, row("a"), row(""), row((Object) null), row("ü€\uD83D\uDE80"));
            write(side, new StructType().add("value", "binary"), row(new byte[] {0, -1, 127}), row((Object) null));
        }
        assertThat(sent(Side.MILLRACE, "one")).hasSizeGreaterThanOrEqualTo(6).isEqualTo(sent(Side.SPARK, "one"));
    }

    @Test
    void findsKeysPartitionsAsSparkDoes() throws Exception {
        options.put("topic", "three");
        StructType schema = new StructType().add("key", "binary").add("value", "string");
        StructType texts = new StructType().add("value", "string").add("key", "string");
        for (Side side : Side.values()) {
            List<Object[]> rows = new ArrayList<>();
            for (int i = 0; i < 100; i++) {
                rows.add(row("v" + i, "k" + i));
            }
            write(side, texts, rows.toArray(new Object[0][]));
            write(side, schema, row("k".getBytes(StandardCharsets.UTF_8), "v"), row(new byte[0], "w"));
        }
        assertThat(sent(Side.MILLRACE, "three"))
                .hasSizeGreaterThanOrEqualTo(102)
                .isEqualTo(sent(Side.SPARK, "three"));
        assertThat(sent(Side.MILLRACE, "three").stream().map(Sent::partition)).contains(0, 1, 2);
    }

    @Test
    void takesTopicPartitionAndHeadersFromTheRow() throws Exception {
        for (Side side : Side.values()) {
            String one = side.topic("one");
            String three = side.topic("three");
            byte[] value = {1};
            write(
                    side,
                    ALL,
                    row(headers(), 2, three, value, 1L, "k"),
                    row(headers("a", "1", "b", null, "a", "2"), 1, three, value, 2L, null),
                    row(null, null, one, null, null, null),
                    row(headers("", ""), null, three, value, null, "of its key's partition"),
                    row(headers("a", "1"), 0, one, value, 3L, "k"));
        }
        assertThat(sent(Side.MILLRACE, "three"))
                .anyMatch(sent -> sent.headers().equals(List.of("a=1", "b=null", "a=2")))
                .isEqualTo(sent(Side.SPARK, "three"));
        assertThat(sent(Side.MILLRACE, "one")).isEqualTo(sent(Side.SPARK, "one"));
    }

    @Test
    void prefersTheOptionToTheRowsTopic() throws Exception {
        options.put("topic", "one");
        for (Side side : Side.values()) {
            write(side, ALL, row(null, null, null, new byte[] {5}, 0L, "x"), row(null, 0, "no such", null, 0L, "y"));
        }
        assertThat(sent(Side.MILLRACE, "one"))
                .anyMatch(sent -> "x".equals(sent.key()))
                .isEqualTo(sent(Side.SPARK, "one"));
    }

    @Test
    void failsWithTheSameErrors() {
        options.put("kafka.max.request.size", "1000");
        List<Throwable> sparks = failures(Side.SPARK);
        List<Throwable> ours = failures(Side.MILLRACE);
        assertThat(ours)
                .hasSize(3)
                .extracting(Throwable::getMessage)
                .isEqualTo(sparks.stream().map(Throwable::getMessage).toList());
        assertThat(ours)
                .extracting(Object::getClass)
                .isEqualTo(sparks.stream().map(Object::getClass).toList());
        assertThat(ours.get(2)).isInstanceOf(RecordTooLargeException.class);
    }

    private List<Throwable> failures(Side side) {
        String topic = side.topic("one");
        Object[] sound = row(null, null, topic, new byte[1], 0L, "k");
        return Stream.of(
                        row(null, null, null, new byte[1], 0L, "without a topic"),
                        row(null, -1, topic, new byte[1], 0L, "no such partition"),
                        row(null, null, topic, new byte[2000], 0L, "too large"))
                .map(bad -> catchThrowable(() -> write(side, ALL, bad, sound)))
                .toList();
    }

    @Test
    void takesNoHeaderWithoutAName() {
        Object[] bad = row(headers(null, "v"), null, "one", new byte[1], 0L, "k");
        for (Side side : Side.values()) {
            assertThat(catchThrowable(() -> write(side, ALL, bad))).isInstanceOf(NullPointerException.class);
        }
    }

    /** One task's epoch. Rows come alternately as objects and as the bytes that tasks hand over. */
    private void write(Side side, StructType schema, Object[]... rows) throws Exception {
        UnsafeProjection bytes = UnsafeProjection.create(schema);
        try (DataWriter<InternalRow> writer = write(side, schema)
                .createStreamingWriterFactory(new PhysicalWriteInfoImpl(1))
                .createWriter(0, 0, 1)) {
            for (int i = 0; i < rows.length; i++) {
                InternalRow row = new GenericInternalRow(rows[i]);
                writer.write(i % 2 == 0 ? row : bytes.apply(row));
            }
            assertThat(writer.commit().getClass().getSimpleName()).isEqualTo("KafkaDataWriterCommitMessage$");
        }
    }

    private StreamingWrite write(Side side, StructType schema) {
        Map<String, String> all = new HashMap<>(options);
        all.computeIfPresent("topic", (unused, name) -> side.topic(name));
        all.put("kafka.bootstrap.servers", broker.bootstrap());
        all.put("kafka.max.block.ms", "5000");
        var table = (SupportsWrite) new KafkaSourceProvider().getTable(CaseInsensitiveStringMap.empty());
        CaseInsensitiveStringMap sinkOptions = new CaseInsensitiveStringMap(all);
        String id = UUID.randomUUID().toString();
        StreamingWrite sparks = table.newWriteBuilder(
                        new LogicalWriteInfoImpl(id, schema, sinkOptions, Optional.empty(), Optional.empty()))
                .build()
                .toStreaming();
        WriteRequest request =
                new WriteRequest(session, table, sinkOptions, schema, OutputMode.Append(), id, "unused", 5_000, false);
        return side == Side.SPARK ? sparks : StreamingWrites.of(request, () -> sparks);
    }

    private static List<Sent> sent(Side side, String topic) {
        return Committed.records(broker.bootstrap(), side.topic(topic)).stream()
                .map(Sent::of)
                .toList();
    }

    private static Object[] row(@Nullable Object... values) {
        return Arrays.stream(values)
                .map(value -> value instanceof String text ? UTF8String.fromString(text) : value)
                .toArray();
    }

    /** Names and values in turn. */
    private static GenericArrayData headers(@Nullable String... words) {
        Object[] headers = new Object[words.length / 2];
        for (int i = 0; i < headers.length; i++) {
            String value = words[2 * i + 1];
            headers[i] = new GenericInternalRow(new Object[] {
                UTF8String.fromString(words[2 * i]), value == null ? null : value.getBytes(StandardCharsets.UTF_8)
            });
        }
        return new GenericArrayData(headers);
    }
}
