package dev.millrace.spark.ui;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.millrace.spark.LocalSpark;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.streaming.StreamingQuery;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * The pages in a real browser. Where the machine has none these are skipped, but with {@code
 * -Dmillrace.browser=required}, which continuous integration gives, they fail.
 */
@Timeout(180)
final class RealTimePageSparkTest {
    private static final String MARKUP = "<img src=x onerror=alert(1)> & \"quotes\"";
    private static SparkSession session;
    private static Browser browser;

    @BeforeAll
    static void start() throws Exception {
        Optional<Path> program = Browser.find();
        if (program.isEmpty() && "required".equals(System.getProperty("millrace.browser"))) {
            throw new IllegalStateException(
                    "Cannot try the pages: no Chromium is on the path. Install it (Debian: apt-get install chromium), or"
                            + " name one by MILLRACE_CHROMIUM.");
        }
        assumeTrue(program.isPresent(), "no Chromium on the path");
        browser = Browser.start(program.get());
        session = LocalSpark.start(
                "local[2]",
                Map.of("spark.ui.enabled", "true", "spark.ui.port", "0", "spark.ui.showConsoleProgress", "false"));
    }

    @AfterAll
    static void stop() throws Exception {
        if (browser != null) {
            browser.close();
            LocalSpark.stop(session);
        }
    }

    private static String tab() {
        return "http://127.0.0.1:%d/realtime/"
                .formatted(session.sparkContext().ui().get().boundPort());
    }

    private static void open(String address, int width, boolean dark) {
        browser.open(address, width, 1_000, dark);
        browser.await("document.querySelector('#millrace')?.dataset.updated >= 2");
    }

    @Test
    void listsQueriesAndOpensOneByTheKeyboard() throws Exception {
        try (ShownQueries queries = new ShownQueries(session, 200)) {
            StreamingQuery query = queries.failing(MARKUP);
            open(tab(), 1_400, false);
            browser.await("document.querySelector('.mr-table td')?.innerText === " + Browser.quoted(MARKUP));
            browser.await("document.querySelector('.mr-state')?.dataset.state === 'RUNNING'");
            assertThat(browser.text(".nav-item.active")).contains("Real-Time");

            browser.evaluate("document.querySelector('.mr-table a').focus()");
            browser.press("Enter");
            browser.await("document.querySelector('.mr-name')?.innerText === " + Browser.quoted(MARKUP));
            browser.await("document.querySelectorAll('.mr-node').length === 2");

            query.stop();
            browser.await("document.querySelector('.mr-state')?.dataset.state === 'STOPPED'");
            open(tab(), 1_400, false);
            browser.await("document.querySelectorAll('.mr-section')[1].innerText.includes('stopped')");
        }
        assertThat(browser.complaints()).isEmpty();
    }

    @Test
    void goesOnShowingWhatIsNew() throws Exception {
        try (ShownQueries queries = new ShownQueries(session, 500)) {
            StreamingQuery query = queries.wellRunning("well");
            open(tab() + "query/?run=" + query.runId(), 1_400, false);
            browser.await("document.querySelector('.mr-tile dd').innerText !== '0/s'");
            browser.await("document.querySelectorAll('.mr-node').length >= 4");
            browser.await("document.querySelectorAll('.mr-plot canvas').length === 2");
            int updates = browser.evaluate("+document.querySelector('#millrace').dataset.updated")
                    .asInt();
            browser.await("+document.querySelector('#millrace').dataset.updated > " + (updates + 1));
            browser.await(tile("Epoch") + "?.innerText > 0");
            browser.await("document.querySelector('[aria-label=Epochs] tbody tr')");
            browser.await(tile("Watermark lag") + ".innerText !== '–'");
            browser.await(tile("State") + ".innerText !== '–'");

            assertThat(browser.text("[aria-label='Source partitions']"))
                    .contains("0")
                    .contains("1");
            browser.evaluate("document.querySelector('.mr-node').focus()");
            browser.press("Enter");
            browser.await("document.querySelector('.mr-detail table tbody tr')");
            assertThat(browser.text(".mr-detail")).contains("Stage 0").contains("loop-0");
        }
        assertThat(browser.complaints()).isEmpty();
    }

    @Test
    void showsWhatHoldsAQueryUp() throws Exception {
        try (ShownQueries queries = new ShownQueries(session, 2_000)) {
            StreamingQuery query = queries.heldUp("held up");
            open(tab() + "query/?run=" + query.runId(), 1_400, true);
            browser.await("document.querySelector('.mr-kind-operating[data-pressure=high]')");
            browser.await("document.querySelector('.mr-pressure-high')");
            browser.await("document.querySelector('.mr-kind-writing[data-busy=all]')");
            browser.await(
                    "document.querySelector('.mr-kind-operating .mr-node-share').textContent.startsWith('held up')");
        }
        assertThat(browser.complaints()).isEmpty();
    }

    @Test
    void showsAFailureWithItsPlaceMessageAndStackAsText() throws Exception {
        try (ShownQueries queries = new ShownQueries(session, 200)) {
            StreamingQuery query = queries.failing("failing");
            open(tab() + "query/?run=" + query.runId(), 390, false);
            browser.await(tile("Read") + ".innerText !== '0/s'");
            queries.fail();
            browser.await("document.querySelector('.mr-failure')");
            browser.await(tile("Recoveries") + ".innerText === '1'");
            browser.await("document.querySelector('.mr-state')?.dataset.state === 'RUNNING'");

            assertThat(browser.text(".mr-failure"))
                    .contains("stage 0", "went on from the checkpoint", "<503 Service Unavailable>");
            browser.evaluate("document.querySelector('.mr-failure').open = true");
            assertThat(browser.text(".mr-failure pre")).contains("ShownQueries");
            JsonNode overflow = browser.evaluate(
                    "document.querySelector('#millrace').scrollWidth - document.querySelector('#millrace').clientWidth");
            assertThat(overflow.asInt()).as("what a narrow window cannot show").isZero();
        }
        assertThat(browser.complaints()).isEmpty();
    }

    /** The value of a tile. */
    private static String tile(String title) {
        return "[...document.querySelectorAll('.mr-tile')].find(tile => tile.firstChild.innerText === '%s')?.children[1]"
                .formatted(title);
    }
}
