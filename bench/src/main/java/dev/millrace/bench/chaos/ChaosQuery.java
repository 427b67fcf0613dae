package dev.millrace.bench.chaos;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.concat_ws;
import static org.apache.spark.sql.functions.count;
import static org.apache.spark.sql.functions.lit;
import static org.apache.spark.sql.functions.sum;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.util.concurrent.TimeoutException;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.streaming.StreamingQuery;
import org.apache.spark.sql.streaming.StreamingQueryListener;
import org.apache.spark.sql.streaming.Trigger;

/**
 * The program under test, with Spark's API alone: count and sum per key, a row out for every change, written in
 * transactions. Stops when its standard input ends.
 *
 * <p>Lines: {@code epoch <number> <recoveries> <rows of the input up to its end>}; {@code failed <message>}; words are
 * separated by tabs.
 */
public final class ChaosQuery {
    static final String INPUT = "numbers";
    static final String OUTPUT = "counts";

    private ChaosQuery() {}

    /**
     * Takes the broker's address, a folder, and the storage's sign; Spark's and Millrace's settings, the master among
     * them, are the JVM's properties.
     */
    public static void main(String[] arguments) {
        int exitCode = 0;
        try {
            SparkSession spark = session(arguments[1], arguments[2]);
            spark.streams().addListener(new Reporter());
            StreamingQuery query = start(spark, arguments[0], arguments[1]);
            stopAtEndOfInput(query);
            query.awaitTermination();
        } catch (Exception e) { // whatever it is: Spark's methods throw more than they declare
            say("failed\t" + firstLine(e.toString()));
            org.slf4j.LoggerFactory.getLogger(ChaosQuery.class).error("The query failed.", e);
            exitCode = 1;
        }
        System.exit(exitCode);
    }

    private static SparkSession session(String folder, String sign) {
        return SparkSession.builder()
                .appName("chaos")
                .config("spark.ui.enabled", "false")
                .config("spark.driver.host", "127.0.0.1")
                .config("spark.driver.bindAddress", "127.0.0.1")
                .config("spark.local.dir", folder + "/spark")
                .config("spark.sql.warehouse.dir", folder + "/warehouse")
                .config("spark.sql.shuffle.partitions", "8")
                .config("spark.hadoop.fs.breakable.impl", BreakableFileSystem.class.getName())
                .config("spark.hadoop." + BreakableFileSystem.SIGN, sign)
                .config("spark.millrace.update.everyChange", "true")
                .config("spark.millrace.kafka.transactional", "true")
                .getOrCreate();
    }

    private static StreamingQuery start(SparkSession spark, String bootstrap, String folder) throws TimeoutException {
        Dataset<Row> counts = spark.readStream()
                .format("kafka")
                .option("kafka.bootstrap.servers", bootstrap)
                .option("subscribe", INPUT)
                .option("startingOffsets", "earliest")
                .load()
                .select(
                        col("key").cast("string").as("key"),
                        col("value").cast("string").cast("long").as("number"))
                .groupBy("key")
                .agg(count(lit(1)).as("n"), sum("number").as("total"))
                .select(col("key"), concat_ws(" ", col("n"), col("total")).as("value"));
        return counts.writeStream()
                .format("kafka")
                .option("kafka.bootstrap.servers", bootstrap)
                .option("topic", OUTPUT)
                .option("checkpointLocation", BreakableFileSystem.SCHEME + "://" + folder + "/checkpoint")
                .outputMode("update")
                .trigger(Trigger.RealTime("500 milliseconds"))
                .start();
    }

    private static void stopAtEndOfInput(StreamingQuery query) {
        Thread thread = new Thread(
                () -> {
                    try {
                        dev.millrace.kafka.broker.ChildJvm.awaitParent();
                        query.stop();
                    } catch (IOException | TimeoutException e) {
                        say("failed\t" + firstLine(e.toString()));
                        Runtime.getRuntime().halt(1);
                    }
                },
                "end of input");
        thread.setDaemon(true);
        thread.start();
    }

    private static String firstLine(String text) {
        return text.lines().findFirst().orElse(text);
    }

    private static synchronized void say(String line) {
        System.out.println(line);
        System.out.flush();
    }

    /** Hears of each epoch that the query commits. */
    private static final class Reporter extends StreamingQueryListener {
        @Override
        public void onQueryStarted(QueryStartedEvent event) {}

        @Override
        public void onQueryProgress(QueryProgressEvent event) {
            var progress = event.progress();
            say("epoch\t%d\t%s\t%d"
                    .formatted(
                            progress.batchId(),
                            progress.sink().metrics().getOrDefault("recoveries", "0"),
                            inputRows(progress.sources()[0].endOffset())));
        }

        /** The input starts at offset 0 and has no transactions, so its offsets count its rows. */
        private static long inputRows(String offsets) {
            try {
                long rows = 0;
                for (JsonNode offset : new ObjectMapper().readTree(offsets).path(INPUT)) {
                    rows += offset.asLong();
                }
                return rows;
            } catch (JsonProcessingException e) {
                throw new IllegalStateException("Cannot read the source's position=%s.".formatted(offsets), e);
            }
        }

        @Override
        public void onQueryTerminated(QueryTerminatedEvent event) {}
    }
}
