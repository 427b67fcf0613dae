package dev.millrace.kafka.sink;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.millrace.engine.epoch.Ballot;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.kafka.broker.KafkaBroker;
import dev.millrace.spark.sink.RecoverableWrite;
import dev.millrace.spark.sink.StreamingWrites;
import dev.millrace.spark.sink.WriteRequest;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.spark.sql.AnalysisException;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.GenericInternalRow;
import org.apache.spark.sql.catalyst.util.GenericArrayData;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.connector.write.PhysicalWriteInfoImpl;
import org.apache.spark.sql.connector.write.WriterCommitMessage;
import org.apache.spark.sql.connector.write.streaming.StreamingWrite;
import org.apache.spark.sql.kafka010.KafkaRecordToRowConverter;
import org.apache.spark.sql.kafka010.KafkaSourceProvider;
import org.apache.spark.sql.streaming.OutputMode;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.sql.util.CaseInsensitiveStringMap;
import org.apache.spark.unsafe.types.UTF8String;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** When the transactional write is taken, what it refuses before a query starts, and what it makes of a row. */
@Timeout(120)
final class KafkaWriteProviderSparkTest {
    private static final String SETTING = "spark.millrace.kafka.transactional";
    private static final StructType VALUE = new StructType().add("value", "string");

    @TempDir
    private static Path brokerFolder;

    private static KafkaBroker broker;
    private static SparkSession session;

    private final Map<String, String> options = new HashMap<>();

    @BeforeAll
    static void start() throws Exception {
        broker = KafkaBroker.start(brokerFolder.resolve("broker"));
        session = (SparkSession) org.apache.spark.sql.SparkSession.builder()
                .master("local[1]")
                .config("spark.ui.enabled", "false")
                .getOrCreate();
        session.sparkContext().setLogLevel("ERROR");
        try (Admin admin = Admin.create(Map.<String, Object>of("bootstrap.servers", broker.bootstrap()))) {
            admin.createTopics(List.of(new NewTopic("one", 1, (short) 1), new NewTopic("three", 3, (short) 1)))
                    .all()
                    .get();
        }
    }

    @AfterAll
    static void stop() throws Exception {
        session.stop();
        broker.close();
    }

    @AfterEach
    void unset() {
        session.conf().unset(SETTING);
    }

    @Test
    void isTakenByTheSessionsSettingUnlessTheOptionSaysOtherwise() {
        assertThat(write(VALUE)).isNotInstanceOf(TransactionalWrite.class);
        options.put(SETTING, "true");
        assertThat(write(VALUE)).isInstanceOf(TransactionalWrite.class);
        session.conf().set(SETTING, "true");
        assertThat(write(VALUE)).isInstanceOf(TransactionalWrite.class);
        options.put(SETTING, "false");
        assertThat(write(VALUE)).isNotInstanceOf(TransactionalWrite.class);
        options.put(SETTING, "perhaps");
        assertThatThrownBy(() -> write(VALUE)).hasMessageContaining("MILLRACE_UNSUPPORTED_SETTING");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "kafka.transaction.timeout.ms | 30000 | shorter than an epoch may take, trigger interval=5000 ms",
                "kafka.transaction.timeout.ms | 3600000 | larger than the broker's transaction.max.timeout.ms=900000",
                "kafka.transaction.timeout.ms | long | not a number of milliseconds",
                "kafka.transactional.id | mine | transactionalIdPrefix",
                "kafka.acks | 1 | acks",
                "kafka.key.serializer | any | key.serializer",
            })
    void refusesOptionsThatCannotGoWithIt(String option, String value, String message) {
        options.put(SETTING, "true");
        options.put(option, value);

        assertThatThrownBy(() -> write(VALUE))
                .isInstanceOf(MillraceException.class)
                .hasMessageContaining("MILLRACE_UNSUPPORTED_SETTING")
                .hasMessageContaining(message);
    }

    @Test
    void refusesAMissingTopicAndABrokerThatDoesNotAnswer() {
        options.put(SETTING, "true");
        options.put("topic", "no-such-topic");
        assertThatThrownBy(() -> write(VALUE))
                .hasMessageContaining("MILLRACE_UNSUPPORTED_SINK")
                .hasMessageContaining("topic=no-such-topic");

        options.put("kafka.bootstrap.servers", "127.0.0.1:1");
        options.put("kafka.max.block.ms", "1000");
        assertThatThrownBy(() -> write(VALUE))
                .hasMessageContaining("MILLRACE_SINK_FAILED")
                .hasMessageContaining("bootstrap.servers=127.0.0.1:1");
    }

    @Test
    void leavesTheColumnsToSparksOwnCheck() {
        options.put(SETTING, "true");

        assertThatThrownBy(() -> write(new StructType().add("other", "string")))
                .isInstanceOf(AnalysisException.class)
                .hasMessageContaining("Required attribute 'value' not found");
        assertThatThrownBy(() -> write(new StructType().add("value", "int")))
                .isInstanceOf(AnalysisException.class)
                .hasMessageContaining("value attribute unsupported type");
    }

    @Test
    void makesTheSameRecordOfARowAsSpark() throws Exception {
        options.put(SETTING, "true");
        options.put("topic", null);
        StructType schema = new StructType()
                .add("topic", "string")
                .add("partition", "int")
                .add("key", "string")
                .add("value", "binary")
                .add("headers", KafkaRecordToRowConverter.headersType());
        InternalRow header = new GenericInternalRow(new Object[] {UTF8String.fromString("h"), bytes("x")});
        InternalRow row = new GenericInternalRow(new Object[] {
            UTF8String.fromString("three"),
            2,
            UTF8String.fromString("k"),
            bytes("v"),
            new GenericArrayData(new Object[] {header})
        });
        StreamingWrite write = write(schema);
        ((RecoverableWrite) write).unfinished(new Ballot(1, "run")).run();
        var writer =
                write.createStreamingWriterFactory(new PhysicalWriteInfoImpl(1)).createWriter(0, 0, 1);
        writer.write(row);
        write.commit(1, new WriterCommitMessage[] {writer.commit()});
        ((RecoverableWrite) write).end(true);

        ConsumerRecord<byte[], byte[]> record =
                Committed.records(broker.bootstrap(), "three").get(0);
        assertThat(record.partition()).isEqualTo(2);
        assertThat(record.key()).isEqualTo(bytes("k"));
        assertThat(record.value()).isEqualTo(bytes("v"));
        assertThat(record.headers().lastHeader("h").value()).isEqualTo(bytes("x"));
    }

    private StreamingWrite write(StructType schema) {
        Map<String, String> all = new HashMap<>(Map.of("kafka.bootstrap.servers", broker.bootstrap(), "topic", "one"));
        all.putAll(options);
        all.values().removeIf(value -> value == null);
        var table = new KafkaSourceProvider().getTable(CaseInsensitiveStringMap.empty());
        CaseInsensitiveStringMap sinkOptions = new CaseInsensitiveStringMap(all);
        WriteRequest request = new WriteRequest(
                session,
                table,
                sinkOptions,
                schema,
                OutputMode.Update(),
                UUID.randomUUID().toString(),
                "unused",
                Duration.ofSeconds(5).toMillis(),
                false);
        return StreamingWrites.of(request, () -> SparkWrite.INSTANCE);
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    /** Stands for what the connector would have given. */
    private enum SparkWrite implements StreamingWrite {
        INSTANCE;

        @Override
        public org.apache.spark.sql.connector.write.streaming.StreamingDataWriterFactory createStreamingWriterFactory(
                org.apache.spark.sql.connector.write.PhysicalWriteInfo info) {
            throw new UnsupportedOperationException();
        }

        @Override
        public void commit(long epochId, WriterCommitMessage[] messages) {}

        @Override
        public void abort(long epochId, WriterCommitMessage[] messages) {}
    }
}
