package dev.millrace.spark.ui;

import dev.millrace.spark.LocalSpark;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.streaming.StreamingQuery;

/** Takes the pictures of the pages that the documentation shows; {@code bin/screenshots} runs it. */
final class Screenshots {
    private static final int WIDTH = 1_280;
    private static final int NARROW = 400;

    private Screenshots() {}

    public static void main(String[] arguments) throws Exception {
        Path folder = Files.createDirectories(Path.of(arguments[0]));
        int seconds = arguments.length > 1 ? Integer.parseInt(arguments[1]) : 60;
        SparkSession session = LocalSpark.start(
                "local[2]", Map.of("spark.ui.enabled", "true", "spark.ui.port", "0", "spark.app.name", "payments"));
        try (Browser browser = Browser.start(Browser.find().orElseThrow());
                ShownQueries queries = new ShownQueries(session, 1_000)) {
            String tab = "http://127.0.0.1:%d/realtime/"
                    .formatted(session.sparkContext().ui().get().boundPort());
            StreamingQuery well = queries.wellRunning("card-features");
            StreamingQuery held = queries.heldUp("payment-counts");
            StreamingQuery failing = queries.failing("payment-scores");
            TimeUnit.SECONDS.sleep(seconds / 2);
            queries.fail();
            TimeUnit.SECONDS.sleep(seconds / 2);

            take(browser, tab, WIDTH, false, folder.resolve("queries.png"), 420);
            take(browser, page(tab, well), WIDTH, false, folder.resolve("query.png"), 1_500);
            take(browser, page(tab, held), WIDTH, true, folder.resolve("query-held-up.png"), 900);
            take(browser, page(tab, failing), WIDTH, false, folder.resolve("query-recovered.png"), 1_100);
            take(browser, page(tab, well), NARROW, true, folder.resolve("query-narrow.png"), 1_300);
        } finally {
            LocalSpark.stop(session);
        }
        System.exit(0);
    }

    private static String page(String tab, StreamingQuery query) {
        return tab + "query/?run=" + query.runId();
    }

    private static void take(Browser browser, String address, int width, boolean dark, Path file, int height)
            throws Exception {
        browser.open(address, width, height, dark);
        browser.await("document.querySelector('#millrace')?.dataset.updated >= 4");
        browser.screenshot(file, height);
        if (!browser.complaints().isEmpty()) {
            throw new IllegalStateException(browser.complaints().toString());
        }
        System.out.println(file);
    }
}
