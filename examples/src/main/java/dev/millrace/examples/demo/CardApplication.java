package dev.millrace.examples.demo;

import java.io.IOException;
import java.util.concurrent.TimeoutException;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.streaming.StreamingQuery;
import org.apache.spark.sql.streaming.StreamingQueryException;
import org.apache.spark.sql.streaming.StreamingQueryListener;

/**
 * The Spark program of the demo: starts the two queries, prints what a listener hears as lines of
 * tab-separated words, and stops when its standard input ends.
 *
 * <p>Lines: {@code page <address>}, where Spark's web UI is on; {@code ready}; {@code epoch <query> <number> <watermark or
 * ->}; {@code failed <message>}.
 */
public final class CardApplication {
    private CardApplication() {}

    /** Takes the broker's address, a folder for checkpoints, and one for Spark's temporary files. */
    public static void main(String[] arguments) throws TimeoutException, InterruptedException {
        SparkSession spark = SparkSession.builder()
                .appName("card features")
                .config("spark.driver.host", "127.0.0.1")
                .config("spark.driver.bindAddress", "127.0.0.1")
                .config("spark.local.dir", arguments[2])
                .config("spark.sql.warehouse.dir", arguments[2] + "/warehouse")
                .getOrCreate();
        int exitCode = 0;
        try {
            spark.streams().addListener(new Reporter());
            CardQueries queries = new CardQueries(spark, arguments[0], arguments[1]);
            StreamingQuery enriched = queries.enriched().start();
            StreamingQuery features = queries.features().start();
            if (spark.sparkContext().uiWebUrl().isDefined()) {
                say("page\t" + spark.sparkContext().uiWebUrl().get() + "/realtime/");
            }
            say("ready");
            Thread stopper = stopAtEndOfInput(enriched, features);
            spark.streams().awaitAnyTermination();
            for (StreamingQuery query : spark.streams().active()) {
                query.awaitTermination();
            }
            stopper.join();
        } catch (StreamingQueryException | RuntimeException e) {
            say("failed\t" + firstLine(e));
            org.slf4j.LoggerFactory.getLogger(CardApplication.class).error("The demo's program failed.", e);
            exitCode = 1;
        }
        spark.stop();
        System.exit(exitCode);
    }

    private static Thread stopAtEndOfInput(StreamingQuery... queries) {
        Thread thread = new Thread(
                () -> {
                    try {
                        while (System.in.read() >= 0) {
                            // Only the end of the input says anything.
                        }
                        for (StreamingQuery query : queries) {
                            query.stop();
                        }
                    } catch (IOException | TimeoutException e) {
                        say("failed\t" + firstLine(e));
                        Runtime.getRuntime().halt(1);
                    }
                },
                "end of input");
        thread.setDaemon(true);
        thread.start();
        return thread;
    }

    private static String firstLine(Throwable error) {
        String message = error.getMessage() == null ? error.toString() : error.getMessage();
        return message.lines().findFirst().orElse(message);
    }

    private static synchronized void say(String line) {
        System.out.println(line);
        System.out.flush();
    }

    /** Hears of each epoch that a query commits. */
    private static final class Reporter extends StreamingQueryListener {
        @Override
        public void onQueryStarted(QueryStartedEvent event) {}

        @Override
        public void onQueryProgress(QueryProgressEvent event) {
            var progress = event.progress();
            String watermark = progress.eventTime().getOrDefault("watermark", "-");
            say("epoch\t%s\t%d\t%s".formatted(progress.name(), progress.batchId(), watermark));
        }

        @Override
        public void onQueryTerminated(QueryTerminatedEvent event) {
            if (event.exception().isDefined()) {
                say("failed\t" + event.exception().get().lines().findFirst().orElse(""));
            }
        }
    }
}
