package dev.millrace.bench.epochs;

import static org.apache.spark.sql.functions.count;
import static org.apache.spark.sql.functions.lit;
import static org.apache.spark.sql.functions.max;

import dev.millrace.bench.inprocess.GeneratorProvider;
import dev.millrace.bench.workload.Arguments;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.UnaryOperator;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.streaming.StreamingQuery;
import org.apache.spark.sql.streaming.Trigger;

/**
 * The query of these measures: fills in each key once, then updates keys at random at a steady rate, with its
 * checkpoint on the local disk.
 *
 * @param arguments folder, epoch, its length as Spark writes it, and rate
 */
record UpdatesQuery(Arguments arguments, SparkSession spark) {
    private static final long PATIENCE_NANOS = TimeUnit.MINUTES.toNanos(3);

    /** In a session of its own. */
    static UpdatesQuery of(Arguments arguments) {
        Path folder = Path.of(arguments.text("folder"));
        SparkSession spark = SparkSession.builder()
                .appName("epochs")
                .master("local[*]")
                .config("spark.ui.enabled", "false")
                .config("spark.driver.host", "127.0.0.1")
                .config("spark.driver.bindAddress", "127.0.0.1")
                .config("spark.local.dir", folder.resolve("spark").toString())
                .config("spark.sql.warehouse.dir", folder.resolve("warehouse").toString())
                .getOrCreate();
        return new UpdatesQuery(arguments, spark);
    }

    Path checkpoint(String name) {
        return Path.of(arguments.text("folder"), name);
    }

    StreamingQuery start(String name, int keys) throws Exception {
        return start(name, keys, UnaryOperator.identity());
    }

    /** @param before what happens to rows before they are aggregated */
    StreamingQuery start(String name, int keys, UnaryOperator<Dataset<Row>> before) throws Exception {
        Dataset<Row> rows = spark.readStream()
                .format(GeneratorProvider.class.getName())
                .option("keys", keys)
                .option("rate", arguments.whole("rate"))
                .load();
        return before.apply(rows)
                .groupBy("id")
                .agg(count(lit(1)).as("n"), max("amount").as("due"))
                .select("due")
                .writeStream()
                .foreach(new UpdateMeter())
                .outputMode("update")
                .option("checkpointLocation", checkpoint(name).toString())
                .trigger(Trigger.RealTime(arguments.text("epoch")))
                .start();
    }

    /** Waits for something of a query that runs. */
    static void await(StreamingQuery query, BooleanSupplier done) throws Exception {
        long deadline = System.nanoTime() + PATIENCE_NANOS;
        while (!done.getAsBoolean()) {
            if (query.exception().isDefined()) {
                throw query.exception().get();
            }
            if (System.nanoTime() > deadline) {
                throw new IllegalStateException("Cannot measure: filled=%d.".formatted(UpdateMeter.filled()));
            }
            Thread.sleep(1);
        }
    }
}
