package dev.millrace.examples;

import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.streaming.Trigger;

/**
 * The feature query of the demo in SQL, to the console. {@code bin/example CardFeaturesSql} makes its own
 * transactions; {@code bin/example CardFeaturesSql 127.0.0.1:<port>} reads those of a running
 * {@code bin/demo --keep}, which prints its broker's address.
 */
public final class CardFeaturesSql {
    private static final String FROM_RATE =
            """
            SELECT concat('c', lpad(pmod(hash(value), 10), 5, '0'))      AS card,
                   concat('m', lpad(pmod(hash(value, 1), 1000), 4, '0')) AS merchant,
                   round(rand(7) * 100, 2)                               AS amount,
                   timestamp                                             AS event_time
            FROM source
            """;

    private static final String FROM_KAFKA =
            """
            SELECT transaction.card, transaction.merchant, transaction.amount,
                   timestamp_micros(transaction.created) AS event_time
            FROM (SELECT from_json(CAST(value AS STRING),
                                   'card STRING, merchant STRING, amount DOUBLE, created BIGINT') AS transaction
                  FROM source)
            """;

    private static final String FEATURES =
            """
            SELECT card,
                   window.start                    AS window_start,
                   count(*)                        AS transactions,
                   round(sum(amount), 2)           AS total,
                   max(amount)                     AS largest,
                   round(avg(amount), 2)           AS average,
                   approx_count_distinct(merchant) AS merchants
            FROM transactions WATERMARK event_time DELAY OF INTERVAL 10 SECONDS
            GROUP BY card, window(event_time, '1 minute', '10 seconds')
            """;

    private CardFeaturesSql() {}

    /** Takes nothing, or the address of a Kafka broker with a topic of transactions. */
    public static void main(String[] arguments) throws Exception {
        SparkSession spark =
                SparkSession.builder().appName("card features in SQL").getOrCreate();
        boolean kafka = arguments.length == 1;
        Dataset<Row> source = kafka ? kafka(spark, arguments[0]) : rate(spark);
        source.createOrReplaceTempView("source");
        spark.sql(kafka ? FROM_KAFKA : FROM_RATE).createOrReplaceTempView("transactions");
        spark.sql(FEATURES)
                .writeStream()
                .format("console")
                .option("truncate", false)
                .outputMode("update")
                .trigger(Trigger.RealTime("5 seconds"))
                .start()
                .awaitTermination();
    }

    private static Dataset<Row> kafka(SparkSession spark, String bootstrap) {
        return spark.readStream()
                .format("kafka")
                .option("kafka.bootstrap.servers", bootstrap)
                .option("subscribe", "transactions")
                .load();
    }

    private static Dataset<Row> rate(SparkSession spark) {
        return spark.readStream().format("rate").option("rowsPerSecond", 5).load();
    }
}
