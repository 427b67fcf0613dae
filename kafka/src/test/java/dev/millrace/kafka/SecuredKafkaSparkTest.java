package dev.millrace.kafka;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;
import static org.awaitility.Awaitility.await;

import dev.millrace.kafka.broker.LocalKafka;
import dev.millrace.kafka.broker.SecuredListener;
import dev.millrace.kafka.sink.Committed;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.common.TopicPartition;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.streaming.DataStreamWriter;
import org.apache.spark.sql.streaming.StreamingQuery;
import org.apache.spark.sql.streaming.Trigger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Kafka behind TLS and SASL, as source and sink. */
@Timeout(180)
final class SecuredKafkaSparkTest {
    private static final String SCRAM = "SCRAM-SHA-256";
    private static final String PLAIN = "PLAIN";
    private static final String WRONG = "wrong horse";

    @TempDir
    private static Path brokerFolder;

    @TempDir
    private Path folder;

    private static SecuredListener listener;
    private static LocalKafka kafka;

    @BeforeAll
    static void start() throws Exception {
        listener = SecuredListener.create(brokerFolder);
        kafka = LocalKafka.start(brokerFolder, Map.of("spark.sql.shuffle.partitions", "4"), listener);
        SecuredListener.addUser(kafka.admin());
    }

    @AfterAll
    static void stop() throws Exception {
        kafka.close();
    }

    @AfterEach
    void stopQueries() throws Exception {
        for (StreamingQuery query : kafka.session().streams().active()) {
            query.stop();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {SCRAM, PLAIN})
    void readsAndWritesExactlyOnce(String mechanism) throws Exception {
        String in = kafka.topic(2);
        String out = kafka.topic(1);
        Map<String, String> client = listener.client(mechanism, SecuredListener.PASSWORD);
        StreamingQuery query = write(read(in, client), out, client)
                .option("spark.millrace.kafka.transactional", "true")
                .start();
        kafka.send(in, 0, 10);
        await().atMost(60, TimeUnit.SECONDS).until(() -> endOf(out) == 10); // within the epoch
        assertThat(Committed.values(kafka.bootstrap(), out)).isEmpty();
        query.stop();
        assertThat(Committed.values(kafka.bootstrap(), out))
                .containsExactlyInAnyOrderElementsOf(LocalKafka.numbers(0, 10));
    }

    @ParameterizedTest
    @ValueSource(strings = {SCRAM, PLAIN})
    void namesTheBrokersAnswerToAWrongPasswordOfTheSource(String mechanism) throws Exception {
        assertEnds(
                write(
                        read(kafka.topic(1), listener.client(mechanism, WRONG)),
                        kafka.topic(1),
                        listener.client(mechanism, SecuredListener.PASSWORD)),
                "MILLRACE_SOURCE_FAILED",
                "SaslAuthenticationException");
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void namesTheBrokersAnswerToAWrongPasswordOfTheSink(boolean transactional) throws Exception {
        String in = kafka.topic(1);
        kafka.send(in, 0, 10);
        assertEnds(
                write(
                                read(in, listener.client(SCRAM, SecuredListener.PASSWORD)),
                                kafka.topic(1),
                                listener.client(SCRAM, WRONG))
                        .option("spark.millrace.kafka.transactional", transactional),
                "MILLRACE_SINK_FAILED",
                "SaslAuthenticationException");
    }

    @Test
    void saysWhenTheBrokersCertificateIsNotTrusted() throws Exception {
        Map<String, String> client = listener.client(SCRAM, SecuredListener.PASSWORD);
        Map<String, String> trusting = new HashMap<>(client);
        trusting.keySet().removeIf(name -> name.startsWith("ssl."));
        assertEnds(
                write(read(kafka.topic(1), trusting), kafka.topic(1), client),
                "MILLRACE_SOURCE_FAILED",
                "SslAuthenticationException");
    }

    /** At its start or soon behind it, for a reason that tells no password. */
    private static void assertEnds(DataStreamWriter<Row> writer, String code, String reason) {
        Throwable failure = catchThrowable(() -> writer.start().awaitTermination(90_000));
        assertThat(failure).hasMessageContaining(code).hasMessageContaining(reason);
        assertThat(failure.getMessage()).doesNotContain(WRONG).doesNotContain(SecuredListener.PASSWORD);
    }

    /** How many records a topic of one partition has, those of open transactions too. */
    private static long endOf(String topic) throws Exception {
        TopicPartition partition = new TopicPartition(topic, 0);
        return kafka.admin()
                .listOffsets(Map.of(partition, OffsetSpec.latest()))
                .partitionResult(partition)
                .get()
                .offset();
    }

    private static Dataset<Row> read(String topic, Map<String, String> client) {
        return kafka.session()
                .readStream()
                .format("kafka")
                .options(asOptions(client))
                .option("subscribe", topic)
                .option("startingOffsets", "earliest")
                .option("fetchOffset.numRetries", "1")
                .load()
                .selectExpr("key", "value");
    }

    private DataStreamWriter<Row> write(Dataset<Row> rows, String topic, Map<String, String> client) {
        return rows.writeStream()
                .format("kafka")
                .options(asOptions(client))
                .option("topic", topic)
                .option("checkpointLocation", folder.resolve("checkpoint").toString())
                .outputMode("update")
                .trigger(Trigger.RealTime("4 minutes"));
    }

    private static Map<String, String> asOptions(Map<String, String> client) {
        Map<String, String> options = new HashMap<>();
        client.forEach((name, value) -> options.put("kafka." + name, value));
        return options;
    }
}
