package dev.millrace.examples.demo;

import static org.apache.spark.sql.functions.approx_count_distinct;
import static org.apache.spark.sql.functions.avg;
import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.count;
import static org.apache.spark.sql.functions.from_json;
import static org.apache.spark.sql.functions.lit;
import static org.apache.spark.sql.functions.max;
import static org.apache.spark.sql.functions.round;
import static org.apache.spark.sql.functions.struct;
import static org.apache.spark.sql.functions.sum;
import static org.apache.spark.sql.functions.timestamp_micros;
import static org.apache.spark.sql.functions.to_json;
import static org.apache.spark.sql.functions.unix_micros;
import static org.apache.spark.sql.functions.window;

import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.streaming.DataStreamWriter;
import org.apache.spark.sql.streaming.Trigger;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;

/** Two ordinary Structured Streaming queries over card transactions in Kafka. */
final class CardQueries {
    static final String TRANSACTIONS = "transactions";
    static final String ENRICHED = "enriched";
    static final String FEATURES = "features";

    private static final StructType TRANSACTION = new StructType()
            .add("card", DataTypes.StringType)
            .add("merchant", DataTypes.StringType)
            .add("amount", DataTypes.DoubleType)
            .add("created", DataTypes.LongType);

    private final SparkSession spark;
    private final String bootstrap;
    private final String checkpoints;

    CardQueries(SparkSession spark, String bootstrap, String checkpoints) {
        this.spark = spark;
        this.bootstrap = bootstrap;
        this.checkpoints = checkpoints;
    }

    /** Query 1: transactions above one unit of money, each with what is known of its merchant. */
    DataStreamWriter<Row> enriched() {
        Dataset<Row> rows = transactions()
                .filter(col("amount").gt(1.0))
                .join(merchants(), "merchant")
                .select(
                        col("card").as("key"),
                        to_json(struct("card", "merchant", "category", "country", "amount", "created"))
                                .as("value"));
        return toTopic(rows, ENRICHED);
    }

    /**
     * Query 2: what a fraud model wants to know of a card, over the last minute, every ten seconds; a row
     * for each window that a transaction changes, six for each transaction.
     */
    DataStreamWriter<Row> features() {
        Dataset<Row> rows = transactions()
                .withColumn("event_time", timestamp_micros(col("created")))
                .withWatermark("event_time", "10 seconds")
                .groupBy(col("card"), window(col("event_time"), "1 minute", "10 seconds"))
                .agg(
                        count(lit(1)).as("transactions"),
                        round(sum("amount"), 2).as("total"),
                        max("amount").as("largest"),
                        round(avg("amount"), 2).as("average"),
                        approx_count_distinct("merchant").as("merchants"),
                        // The stamp of the newest transaction in the row, so that latency can be measured.
                        max("created").as("created"))
                .withColumn("window_start", unix_micros(col("window.start")))
                .select(
                        col("card").as("key"),
                        to_json(struct(
                                        "card",
                                        "window_start",
                                        "transactions",
                                        "total",
                                        "largest",
                                        "average",
                                        "merchants",
                                        "created"))
                                .as("value"));
        return toTopic(rows, FEATURES);
    }

    private Dataset<Row> transactions() {
        return spark.readStream()
                .format("kafka")
                .option("kafka.bootstrap.servers", bootstrap)
                .option("subscribe", TRANSACTIONS)
                .option("startingOffsets", "earliest")
                .load()
                .select(from_json(col("value").cast("string"), TRANSACTION).as("transaction"))
                .select("transaction.*");
    }

    /** The static table: where each merchant is, and what it sells. */
    private Dataset<Row> merchants() {
        return spark.range(TransactionGenerator.MERCHANT_COUNT)
                .selectExpr(
                        "concat('m', lpad(id, 4, '0')) AS merchant",
                        "element_at(array('groceries', 'travel', 'fuel', 'online', 'dining'), int(id % 5) + 1)"
                                + " AS category",
                        "element_at(array('DE', 'FR', 'IT', 'PL'), int(id % 4) + 1) AS country");
    }

    private DataStreamWriter<Row> toTopic(Dataset<Row> rows, String topic) {
        return rows.writeStream()
                .queryName(topic)
                .format("kafka")
                .option("kafka.bootstrap.servers", bootstrap)
                .option("topic", topic)
                .option("checkpointLocation", checkpoints + "/" + topic)
                .outputMode("update")
                .trigger(Trigger.RealTime("1 second"));
    }
}
