package dev.millrace.bench.throughput;

import static org.apache.spark.sql.functions.count;
import static org.apache.spark.sql.functions.lit;
import static org.apache.spark.sql.functions.max;
import static org.apache.spark.sql.functions.sum;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.streaming.StreamingQuery;
import org.apache.spark.sql.streaming.StreamingQueryListener;
import org.apache.spark.sql.streaming.Trigger;

/** The same work as {@link EngineThroughput} in Spark's API, on the runtime on the class path. */
final class SparkThroughput {
    /** When an epoch was reported, and the rows that it read. */
    private record Epoch(long nanos, long rows) {}

    private SparkThroughput() {}

    /** Rows a second that the query read, by its own progress reports. */
    static double measure(ThroughputOptions options, Path folder) throws Exception {
        SparkSession spark = SparkSession.builder()
                .appName("throughput")
                .master("local[2]")
                .config("spark.ui.enabled", "false")
                .config("spark.driver.host", "127.0.0.1")
                .config("spark.driver.bindAddress", "127.0.0.1")
                .config("spark.local.dir", folder.resolve("spark").toString())
                .config("spark.sql.warehouse.dir", folder.resolve("warehouse").toString())
                .getOrCreate();
        List<Epoch> epochs = new ArrayList<>();
        spark.streams().addListener(new Reporter(epochs));
        StreamingQuery query = spark.readStream()
                .format(GeneratorProvider.class.getName())
                .option("keys", options.keyCount())
                .load()
                .groupBy("id")
                .agg(count(lit(1)), sum("amount"), max("amount"))
                .writeStream()
                .format("noop")
                .outputMode("update")
                .option("checkpointLocation", folder.resolve("checkpoint").toString())
                .trigger(Trigger.RealTime("1 second"))
                .start();
        boolean ended = query.awaitTermination((options.warmUpSeconds() + options.seconds()) * 1_000L);
        query.stop();
        spark.stop();
        if (ended) {
            throw new IllegalStateException("Cannot measure: the query ended by itself.");
        }
        return rowsPerSecond(epochs, options.seconds());
    }

    private static double rowsPerSecond(List<Epoch> all, int seconds) {
        List<Epoch> epochs;
        synchronized (all) {
            epochs = List.copyOf(all);
        }
        if (epochs.size() < 3) {
            throw new IllegalStateException("Cannot measure: epochs=%d. Let it run longer.".formatted(epochs.size()));
        }
        // The last epoch is cut short by the stop.
        Epoch last = epochs.get(epochs.size() - 2);
        long from = last.nanos() - seconds * 1_000_000_000L;
        long rows = 0;
        long start = last.nanos();
        for (int i = epochs.size() - 2; i > 0 && epochs.get(i - 1).nanos() >= from; i--) {
            rows += epochs.get(i).rows();
            start = epochs.get(i - 1).nanos();
        }
        return rows / ((last.nanos() - start) / 1e9);
    }

    private static final class Reporter extends StreamingQueryListener {
        private final List<Epoch> epochs;

        Reporter(List<Epoch> epochs) {
            this.epochs = epochs;
        }

        @Override
        public void onQueryStarted(QueryStartedEvent event) {}

        @Override
        public void onQueryProgress(QueryProgressEvent event) {
            synchronized (epochs) {
                epochs.add(new Epoch(System.nanoTime(), event.progress().numInputRows()));
            }
        }

        @Override
        public void onQueryTerminated(QueryTerminatedEvent event) {}
    }
}
