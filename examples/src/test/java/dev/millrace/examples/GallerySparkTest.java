package dev.millrace.examples;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.expr;
import static org.apache.spark.sql.functions.lit;
import static org.apache.spark.sql.functions.struct;
import static org.apache.spark.sql.functions.to_json;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.millrace.kafka.broker.LocalKafka;
import dev.millrace.spark.LocalSpark;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.streaming.StreamingQuery;
import org.apache.spark.sql.streaming.Trigger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

/** The examples over the same topics, in real time on Millrace and in micro-batches on Spark's own engine. */
@ExtendWith(SharedKafka.class)
@Timeout(120)
class GallerySparkTest {
    private static final int PARTITION_COUNT = 2;
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    private final LocalKafka kafka;
    private final SparkSession session;
    private final ExampleStreams streams;

    GallerySparkTest(LocalKafka kafka) {
        this.kafka = kafka;
        this.session = kafka.session();
        this.streams = ExampleStreams.of(session, "--broker", kafka.bootstrap());
    }

    @Test
    void paymentsBesideLogins() throws Exception {
        Dataset<Row> payments = filled("payments", CardLogins.PAYMENTS, 5, 150, CardLogins::madeUpPayments);
        Dataset<Row> logins = filled("logins", CardLogins.LOGINS, 2, 60, CardLogins::madeUpLogins);

        List<Row> answers = sameAnswers("card_logins", CardLogins.features(payments, logins));

        assertThat(answers).anyMatch(row -> row.isNullAt(3)).anyMatch(row -> !row.isNullAt(5) && row.getBoolean(5));
    }

    @Test
    void cheaperTrips() throws Exception {
        Dataset<Row> searches = filled("searches", PriceAlerts.SEARCHES, 2, 60, PriceAlerts::madeUpSearches);
        Dataset<Row> fares = filled("fares", PriceAlerts.FARES, 4, 120, PriceAlerts::madeUpFares);

        List<Row> answers = sameAnswers("price_alerts", PriceAlerts.alerts(searches, fares));

        assertThat(answers).anyMatch(row -> row.getLong(3) > 1);
    }

    @Test
    void vehiclesThatMoveAndFallSilent() throws Exception {
        Dataset<Row> positions =
                filled("positions", VehicleTelemetry.POSITIONS, 20, 1_200, VehicleTelemetry::madeUpPositions);

        List<Row> answers =
                sameAnswers("vehicles", VehicleTelemetry.events(positions, VehicleTelemetry.zones(session)));

        assertThat(answers).extracting(row -> row.getString(1)).contains("entered", "left", "silent", "back");
    }

    /** A program's events from a topic that holds what it makes of so many ticks. */
    private Dataset<Row> filled(
            String topic, String columns, int perSecond, int count, UnaryOperator<Dataset<Row>> madeUp)
            throws Exception {
        kafka.createTopic(topic, PARTITION_COUNT);
        Dataset<Row> ticks = session.range(0, count, 1, 1)
                .selectExpr(
                        "id AS value",
                        "timestamp_millis(1767225600000 + id * 1000 div %d) AS timestamp".formatted(perSecond));
        Dataset<Row> events = madeUp.apply(ticks);
        String key = events.columns()[0];
        write(topic, events, "pmod(hash(%s), %d)".formatted(key, PARTITION_COUNT));
        // One event an hour later in each partition, so that watermarks pass all others; of keys of their own, because
        // partitions are read side by side.
        String time = events.columns()[events.columns().length - 1];
        Dataset<Row> last = events.limit(1)
                .withColumn(time, lit(1767229200).cast("timestamp"))
                .crossJoin(session.range(PARTITION_COUNT))
                .withColumn(key, expr("concat('end', id)"));
        write(topic, last.drop("id"), "int(substr(%s, 4))".formatted(key));
        return streams.events(topic, columns, perSecond, madeUp);
    }

    private void write(String topic, Dataset<Row> events, String partition) {
        events.select(to_json(struct(col("*"))).as("value"), expr(partition).as("partition"))
                .write()
                .format("kafka")
                .option("kafka.bootstrap.servers", kafka.bootstrap())
                .option("topic", topic)
                .save();
    }

    /** What both engines give, which must be the same rows. */
    private List<Row> sameAnswers(String name, Dataset<Row> answers) throws Exception {
        StreamingQuery onSpark = started(name + "_in_batches", answers, Trigger.AvailableNow());
        onSpark.awaitTermination();
        List<String> expected = sorted(name + "_in_batches");
        assertThat(LocalSpark.isOnMillrace(onSpark)).isFalse();
        StreamingQuery onMillrace = started(name, answers, Trigger.RealTime(500, TimeUnit.MILLISECONDS));
        try {
            assertThat(LocalSpark.isOnMillrace(onMillrace)).isTrue();
            await().atMost(PATIENCE).untilAsserted(() -> {
                assertThat(onMillrace.exception().isEmpty()).isTrue();
                assertThat(sorted(name)).isEqualTo(expected);
            });
        } finally {
            onMillrace.stop();
        }
        return session.table(name).collectAsList();
    }

    private StreamingQuery started(String name, Dataset<Row> answers, Trigger trigger) throws Exception {
        return answers.writeStream()
                .queryName(name)
                .format("memory")
                .outputMode("append")
                .trigger(trigger)
                .start();
    }

    private List<String> sorted(String table) {
        return session.table(table).collectAsList().stream()
                .map(Row::toString)
                .sorted()
                .toList();
    }
}
