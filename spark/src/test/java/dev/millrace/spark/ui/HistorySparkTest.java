package dev.millrace.spark.ui;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.millrace.spark.LocalSpark;
import dev.millrace.spark.LocalSpark.Collector;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import org.apache.spark.SparkConf;
import org.apache.spark.deploy.history.FsHistoryProvider;
import org.apache.spark.deploy.history.HistoryServer;
import org.apache.spark.deploy.history.HistoryServer$;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.execution.streaming.sources.LowLatencyMemoryStream;
import org.apache.spark.sql.streaming.StreamingQuery;
import org.apache.spark.sql.streaming.StreamingQueryException;
import org.apache.spark.sql.streaming.Trigger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a history server shows of an application that has ended, and to whom. */
@Timeout(180)
final class HistorySparkTest {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String MARKUP = "<img src=x onerror=alert(1)> & \"quotes\"";
    private static final HttpClient CLIENT =
            HttpClient.newBuilder().followRedirects(HttpClient.Redirect.NORMAL).build();

    @TempDir
    private static Path folder;

    private static HistoryServer server;
    private static String application;
    private static String stoppedRun;
    private static String failedRun;

    @BeforeAll
    static void serveAnApplicationThatHasEnded() throws Exception {
        Path logs = Files.createDirectory(folder.resolve("logs"));
        SparkSession session = LocalSpark.start(
                "local[2]",
                Map.of(
                        "spark.eventLog.enabled", "true",
                        "spark.eventLog.dir", logs.toUri().toString(),
                        "spark.millrace.recovery.attempts", "0",
                        "spark.ui.view.acls", "alice"));
        try {
            application = session.sparkContext().applicationId();
            stoppedRun = runStopped(session);
            failedRun = runFailing(session);
            runOnSpark(session);
        } finally {
            LocalSpark.stop(session);
        }
        SparkConf conf = new SparkConf(false)
                .set("spark.history.fs.logDirectory", logs.toUri().toString())
                .set("spark.history.store.path", folder.resolve("store").toString()) // so that all is written there
                .set("spark.history.ui.acls.enable", "true")
                .set("spark.ui.filters", HeaderUser.class.getName());
        FsHistoryProvider provider = new FsHistoryProvider(conf);
        server = new HistoryServer(conf, provider, HistoryServer$.MODULE$.createSecurityManager(conf), 0);
        server.bind();
        provider.checkForLogs();
        await().until(() -> provider.getListing().hasNext());
    }

    @AfterAll
    static void stop() {
        if (server != null) {
            server.stop();
        }
    }

    private static StreamingQuery start(SparkSession session, String name, LowLatencyMemoryStream<Long> numbers)
            throws Exception {
        Dataset<Row> counts = numbers.toDF()
                .selectExpr("if(value = 13, raise_error('<b>thirteen</b>'), value) AS value")
                .groupBy("value")
                .count()
                .selectExpr("count");
        StreamingQuery query = LocalSpark.collecting(counts, new Collector(name))
                .queryName(name)
                .start();
        LocalSpark.add(numbers, 1, 2, 2, 3);
        query.processAllAvailable();
        return query;
    }

    private static String runStopped(SparkSession session) throws Exception {
        StreamingQuery query = start(session, MARKUP, LocalSpark.numbers(session, 1));
        query.stop();
        return query.runId().toString();
    }

    private static String runFailing(SparkSession session) throws Exception {
        LowLatencyMemoryStream<Long> numbers = LocalSpark.numbers(session, 1);
        StreamingQuery query = start(session, "failing", numbers);
        LocalSpark.add(numbers, 13);
        assertThatThrownBy(query::awaitTermination).isInstanceOf(StreamingQueryException.class);
        return query.runId().toString();
    }

    private static void runOnSpark(SparkSession session) throws Exception {
        LowLatencyMemoryStream<Long> numbers = LocalSpark.numbers(session, 1);
        LocalSpark.add(numbers, 1);
        StreamingQuery query = LocalSpark.collecting(numbers.toDF(), new Collector("on Spark"))
                .queryName("on Spark")
                .trigger(Trigger.ProcessingTime(0))
                .start();
        query.processAllAvailable();
        query.stop();
    }

    private static String address(String path) {
        return "http://127.0.0.1:" + server.boundPort() + "/history/" + application + path;
    }

    private static HttpResponse<String> get(String user, String path) throws Exception {
        return CLIENT.send(
                HttpRequest.newBuilder(URI.create(address(path)))
                        .header(HeaderUser.HEADER, user)
                        .build(),
                HttpResponse.BodyHandlers.ofString());
    }

    private static JsonNode figures(String path) throws Exception {
        HttpResponse<String> response = get("alice", "/realtime/figures/" + path);
        assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
        return JSON.readTree(response.body());
    }

    @Test
    void listsTheRunsOnMillraceAndNoOthers() throws Exception {
        JsonNode queries = figures("").path("queries");

        assertThat(queries).extracting(query -> query.path("name").asText()).containsExactly("failing", MARKUP);
        assertThat(queries).extracting(query -> query.path("state").asText()).containsExactly("FAILED", "STOPPED");
        assertThat(queries).allSatisfy(query -> {
            assertThat(query.path("endMillis").asLong())
                    .isGreaterThan(query.path("startMillis").asLong());
            assertThat(query.path("stateRows").asLong()).isEqualTo(3);
        });
        assertThat(queries.get(0).path("error").asText()).contains("<b>thirteen</b>");
    }

    @Test
    void tellsOfARunWhatItsEventsHold() throws Exception {
        JsonNode view = figures("?run=" + stoppedRun);

        assertThat(view.path("isHistory").asBoolean()).isTrue();
        for (String figure : new String[] {"p50", "p99", "max", "read", "written"}) {
            assertThat(view.path("points")).as(figure).anySatisfy(point -> assertThat(
                            point.path(figure).asDouble())
                    .isPositive());
        }
        long read = 0;
        for (JsonNode epoch : view.path("epochs")) {
            read += epoch.path("rowsRead").asLong();
        }
        assertThat(read).isEqualTo(4);
        assertThat(view.at("/operators/0/state/rows").asLong()).isEqualTo(3);
        assertThat(view.at("/operators/0/updated").asLong()).isEqualTo(3);
        assertThat(view.path("failures")).isEmpty();
        assertThat(figures("?run=" + failedRun).at("/failures/0/stack").asText())
                .contains("<b>thirteen</b>", "\tat ");
    }

    @ParameterizedTest
    @ValueSource(strings = {"/realtime/", "/realtime/query/", "/realtime/figures/", "/static/millrace/page.js"})
    void letsInWhomSparkLetsIn(String path) throws Exception {
        HttpResponse<String> response = get("alice", path);

        assertThat(response.statusCode()).isEqualTo(200);
        if (!path.contains("figures")) {
            assertThat(response.body()).doesNotContain("<img src=x", "<b>thirteen");
        }
        assertThat(get("mallory", path).statusCode()).isEqualTo(403);
    }

    @Test
    void refusesWhatItDoesNotKnow() throws Exception {
        assertThat(get("alice", "/realtime/figures/?run=00000000-0000-0000-0000-000000000000")
                        .statusCode())
                .isEqualTo(404);
    }

    /** Where the machine has none, {@link RealTimePageSparkTest} says whether that is a failure. */
    @Test
    void showsItInABrowserAsText() throws Exception {
        Optional<Path> program = Browser.find();
        if (program.isEmpty()) {
            return;
        }
        try (Browser browser = Browser.start(program.get())) {
            browser.open(address("/realtime/query/?run=" + failedRun), 1_000, 1_000, false);
            browser.await("document.querySelector('.mr-name')?.innerText === 'failing'");
            browser.await("document.querySelectorAll('.mr-plot canvas').length === 2");
            browser.await("document.querySelector('[aria-label=Epochs] tbody tr')");
            assertThat(browser.text(".mr-failure")).contains("<b>thirteen</b>");
            assertThat(browser.text(".mr-facts")).contains("from the event log");
            browser.await("document.querySelector('.mr-graph-scroll').offsetParent === null");

            browser.open(address("/realtime/"), 1_000, 1_000, false);
            browser.await("[...document.querySelectorAll('.mr-table td')].some(cell => cell.innerText === "
                    + Browser.quoted(MARKUP) + ")");
            assertThat(browser.text(".nav-item.active")).contains("Real-Time");
            assertThat(browser.complaints()).isEmpty();
        }
    }
}
