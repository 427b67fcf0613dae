package dev.millrace.bench.chaos;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.count;
import static org.apache.spark.sql.functions.element_at;
import static org.apache.spark.sql.functions.lag;
import static org.apache.spark.sql.functions.lit;
import static org.apache.spark.sql.functions.split;
import static org.apache.spark.sql.functions.sum;

import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.expressions.Window;
import org.apache.spark.sql.expressions.WindowSpec;

/**
 * Spark's batch answer over the input, compared with the output as a {@code read_committed} reader sees it. A key's
 * rows lie in one partition, so the answer to each of them is the running count and sum by offset, and nothing else.
 *
 * @param rows of the input
 * @param lost answers that are not there
 * @param duplicated answers that are there too often
 * @param wrong rows that are no answer
 * @param disordered answers behind a later one of the same key
 */
record BatchAnswer(long rows, long lost, long duplicated, long wrong, long disordered) {
    boolean isRight() {
        return lost == 0 && duplicated == 0 && wrong == 0 && disordered == 0;
    }

    static BatchAnswer compare(SparkSession spark, String bootstrap) {
        WindowSpec byKey = Window.partitionBy("key").orderBy("offset");
        Dataset<Row> input = topic(spark, bootstrap, ChaosQuery.INPUT);
        Column number = col("value").cast("long");
        Dataset<Row> expected = input.select(
                        col("key"),
                        count(lit(1)).over(byKey).as("n"),
                        sum(number).over(byKey).as("total"))
                .cache();
        Column words = split(col("value"), " ");
        Dataset<Row> output = topic(spark, bootstrap, ChaosQuery.OUTPUT)
                .select(
                        col("key"),
                        element_at(words, 1).cast("long").as("n"),
                        element_at(words, 2).cast("long").as("total"),
                        col("offset"))
                .cache();
        Dataset<Row> answers = output.drop("offset");
        long wrong = answers.join(expected, new String[] {"key", "n", "total"}, "left_anti")
                .count();
        return new BatchAnswer(
                expected.count(),
                expected.exceptAll(answers).count(),
                answers.exceptAll(expected).count() - wrong,
                wrong,
                output.withColumn("before", lag("n", 1).over(byKey))
                        .where("before > n")
                        .count());
    }

    private static Dataset<Row> topic(SparkSession spark, String bootstrap, String topic) {
        return spark.read()
                .format("kafka")
                .option("kafka.bootstrap.servers", bootstrap)
                .option("kafka.isolation.level", "read_committed")
                .option("subscribe", topic)
                .load()
                .select(
                        col("key").cast("string").as("key"),
                        col("value").cast("string").as("value"),
                        col("offset"));
    }
}
