package dev.millrace.examples;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.millrace.spark.LocalSpark;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.streaming.StreamingQuery;
import org.apache.spark.sql.streaming.Trigger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

/** The examples over the same topics, in real time on Millrace and in micro-batches on Spark's own engine. */
@ExtendWith(SharedTopics.class)
@Timeout(120)
class GallerySparkTest {
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    private final SparkSession session;
    private final ExampleTopics topics;

    GallerySparkTest(ExampleTopics topics) {
        this.session = topics.kafka().session();
        this.topics = topics;
    }

    @Test
    void paymentsBesideLogins() throws Exception {
        Dataset<Row> payments = topics.payments();
        Dataset<Row> logins = topics.logins();

        List<Row> answers = sameAnswers("card_logins", CardLogins.features(payments, logins));

        assertThat(answers).anyMatch(row -> row.isNullAt(3)).anyMatch(row -> !row.isNullAt(5) && row.getBoolean(5));
    }

    @Test
    void cheaperTrips() throws Exception {
        Dataset<Row> searches = topics.searches();
        Dataset<Row> fares = topics.fares();

        List<Row> answers = sameAnswers("price_alerts", PriceAlerts.alerts(searches, fares));

        assertThat(answers).anyMatch(row -> row.getLong(3) > 1);
    }

    @Test
    void vehiclesThatMoveAndFallSilent() throws Exception {
        List<Row> answers =
                sameAnswers("vehicles", VehicleTelemetry.events(topics.positions(), VehicleTelemetry.zones(session)));

        assertThat(answers).extracting(row -> row.getString(1)).contains("entered", "left", "silent", "back");
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
