package dev.millrace.examples;

import static org.apache.spark.sql.functions.array;
import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.element_at;
import static org.apache.spark.sql.functions.explode;
import static org.apache.spark.sql.functions.lit;
import static org.apache.spark.sql.functions.lower;
import static org.apache.spark.sql.functions.split;

import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.streaming.Trigger;

/**
 * Counts words and prints each new count. {@code bin/example WordCount} counts made-up lines;
 * {@code bin/example WordCount localhost 9999} counts what you type into {@code nc -lk 9999}.
 */
public final class WordCount {
    /** Counts of one epoch that are printed; the console's own limit is twenty. */
    private static final int MAX_CHANGES = 10_000;

    private WordCount() {}

    /** Takes nothing, or the host and port of a socket that gives lines. */
    public static void main(String[] arguments) throws Exception {
        SparkSession spark = SparkSession.builder().appName("word count").getOrCreate();
        Dataset<Row> lines = arguments.length == 2 ? socket(spark, arguments[0], arguments[1]) : madeUp(spark);
        Dataset<Row> counts = lines.select(
                        explode(split(lower(col("line")), "\\W+")).as("word"))
                .filter("word <> ''")
                .groupBy("word")
                .count();
        counts.writeStream()
                .format("console")
                .option("numRows", MAX_CHANGES)
                .outputMode("update")
                .trigger(Trigger.RealTime("5 seconds"))
                .start()
                .awaitTermination();
    }

    private static Dataset<Row> socket(SparkSession spark, String host, String port) {
        return spark.readStream()
                .format("socket")
                .option("host", host)
                .option("port", port)
                .load()
                .select(col("value").as("line"));
    }

    /** Ten lines a second, taken in turn from three. */
    private static Dataset<Row> madeUp(SparkSession spark) {
        return spark.readStream()
                .format("rate")
                .option("rowsPerSecond", 10)
                .load()
                .select(element_at(
                                array(
                                        lit("the race drives the wheel"),
                                        lit("the wheel drives the mill"),
                                        lit("the mill grinds the grain")),
                                col("value").mod(3).plus(1).cast("int"))
                        .as("line"));
    }
}
