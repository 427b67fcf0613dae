package dev.millrace.examples;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.expr;
import static org.apache.spark.sql.functions.lit;
import static org.apache.spark.sql.functions.struct;
import static org.apache.spark.sql.functions.to_json;

import dev.millrace.kafka.broker.LocalKafka;
import java.util.function.UnaryOperator;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;

/**
 * The topics that the examples read, each filled with what its example makes of the first ticks, by key and in the order of
 * time. At the end of each partition stands an event of a key of its own an hour later, so that watermarks pass all others.
 */
public final class ExampleTopics {
    private static final int PARTITION_COUNT = 2;
    private static final long START_SECONDS = 1_767_225_600;
    private static final long END_SECONDS = START_SECONDS + 3_600;

    private final LocalKafka kafka;

    private ExampleTopics(LocalKafka kafka) {
        this.kafka = kafka;
    }

    static ExampleTopics fill(LocalKafka kafka) throws Exception {
        ExampleTopics topics = new ExampleTopics(kafka);
        topics.fill("payments", CardLogins.madeUpPayments(topics.ticks(5, 150)));
        topics.fill("logins", CardLogins.madeUpLogins(topics.ticks(2, 60)));
        topics.fill("searches", PriceAlerts.madeUpSearches(topics.ticks(2, 60)));
        topics.fill("fares", PriceAlerts.madeUpFares(topics.ticks(4, 120)));
        topics.fill("positions", VehicleTelemetry.madeUpPositions(topics.ticks(20, 1_200)));
        return topics;
    }

    public LocalKafka kafka() {
        return kafka;
    }

    public Dataset<Row> payments() {
        return events("payments", CardLogins.PAYMENTS);
    }

    public Dataset<Row> logins() {
        return events("logins", CardLogins.LOGINS);
    }

    Dataset<Row> searches() {
        return events("searches", PriceAlerts.SEARCHES);
    }

    Dataset<Row> fares() {
        return events("fares", PriceAlerts.FARES);
    }

    Dataset<Row> positions() {
        return events("positions", VehicleTelemetry.POSITIONS);
    }

    private Dataset<Row> events(String topic, String columns) {
        return ExampleStreams.of(kafka.session(), "--broker", kafka.bootstrap())
                .events(topic, columns, 1, UnaryOperator.identity());
    }

    private Dataset<Row> ticks(int perSecond, int count) {
        return kafka.session()
                .range(0, count, 1, 1)
                .selectExpr(
                        "id AS value",
                        "timestamp_millis(%d000 + id * 1000 div %d) AS timestamp".formatted(START_SECONDS, perSecond));
    }

    private void fill(String topic, Dataset<Row> events) throws Exception {
        kafka.createTopic(topic, PARTITION_COUNT);
        String[] columns = events.columns();
        String key = columns[0];
        write(topic, events, "pmod(hash(%s), %d)".formatted(key, PARTITION_COUNT));
        Dataset<Row> last = events.limit(1)
                .withColumn(columns[columns.length - 1], lit(END_SECONDS).cast("timestamp"))
                .crossJoin(kafka.session().range(PARTITION_COUNT))
                .withColumn(key, expr("concat('end', id)"));
        write(topic, last.drop("id"), "int(substr(%s, 4))".formatted(key));
    }

    private void write(String topic, Dataset<Row> events, String partition) {
        events.select(to_json(struct(col("*"))).as("value"), expr(partition).as("partition"))
                .write()
                .format("kafka")
                .option("kafka.bootstrap.servers", kafka.bootstrap())
                .option("topic", topic)
                .save();
    }
}
