package dev.millrace.spark.ui;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.millrace.spark.LocalSpark;
import dev.millrace.spark.LocalSpark.Collector;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.Map;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.execution.streaming.sources.LowLatencyMemoryStream;
import org.apache.spark.sql.streaming.StreamingQuery;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What the tab's addresses answer, and to whom. */
@Timeout(120)
final class FiguresServletSparkTest {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final HttpClient CLIENT = HttpClient.newHttpClient();
    private static SparkSession session;

    @BeforeAll
    static void start() {
        session = LocalSpark.start(
                "local[2]",
                Map.of(
                        "spark.ui.enabled", "true",
                        "spark.ui.port", "0",
                        "spark.ui.filters", HeaderUser.class.getName(),
                        "spark.acls.enable", "true",
                        "spark.ui.view.acls", "alice",
                        "spark.sql.streaming.ui.retainedQueries", "2"));
    }

    @AfterAll
    static void stop() {
        LocalSpark.stop(session);
    }

    private static HttpResponse<String> get(String user, String path) throws Exception {
        String host = "http://127.0.0.1:" + session.sparkContext().ui().get().boundPort();
        return CLIENT.send(
                HttpRequest.newBuilder(URI.create(host + path))
                        .header(HeaderUser.HEADER, user)
                        .build(),
                HttpResponse.BodyHandlers.ofString());
    }

    private static JsonNode figures(String path) throws Exception {
        HttpResponse<String> response = get("alice", "/realtime/figures/" + path);
        assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
        return JSON.readTree(response.body());
    }

    private static StreamingQuery start(String name) throws Exception {
        LowLatencyMemoryStream<Long> numbers = LocalSpark.numbers(session, 2);
        Dataset<Row> counts = numbers.toDF()
                .selectExpr("value", "timestamp_seconds(value) AS time")
                .withWatermark("time", "1 second")
                .groupBy("value")
                .count()
                .selectExpr("count");
        StreamingQuery query = LocalSpark.collecting(counts, new Collector(name))
                .queryName(name)
                .start();
        LocalSpark.add(numbers, 1_000, 1_001, 1_001, 1_002);
        query.processAllAvailable();
        return query;
    }

    @Test
    void tellsAllOfAQueryAndGoesOnToAfterItsEnd() throws Exception {
        StreamingQuery query = start("told");
        String address = "?run=" + query.runId();
        await().untilAsserted(() -> assertThat(figures(address).path("points")).isNotEmpty());
        JsonNode view = figures(address);

        assertThat(view.at("/query/name").asText()).isEqualTo("told");
        assertThat(view.at("/query/state").asText()).isEqualTo("RUNNING");
        assertThat(view.path("stages")).hasSize(3);
        assertThat(view.at("/stages/0/kind").asText()).isEqualTo("reading");
        assertThat(view.at("/stages/0/rows").asLong()).isEqualTo(4);
        assertThat(view.at("/stages/1/tasks")).hasSize(2);
        assertThat(view.at("/edges/0/how").asText()).startsWith("hash(value");
        assertThat(view.at("/edges/0/rows").asLong()).isEqualTo(4);
        assertThat(view.at("/operators/0/state/rows").asLong()).isEqualTo(3);
        assertThat(view.path("partitions")).hasSize(2).allSatisfy(partition -> assertThat(
                        partition.path("maxEventTimeMillis").asLong())
                .isBetween(1_000_000L, 1_002_000L));
        assertThat(view.at("/epochs/0/snapshotBytes").isNumber()).isTrue();
        assertThat(view.at("/settings/spark.millrace.loops").asText()).isNotEmpty();
        assertThat(view.path("plan").asText()).contains("== Physical Plan ==", "== Dataflow ==");
        long newest = view.path("points")
                .get(view.path("points").size() - 1)
                .path("timeMillis")
                .asLong();
        assertThat(figures(address + "&since=" + newest).path("points"))
                .allSatisfy(
                        point -> assertThat(point.path("timeMillis").asLong()).isGreaterThan(newest));

        query.stop();
        JsonNode ended = figures(address);
        assertThat(ended.at("/query/state").asText()).isEqualTo("STOPPED");
        assertThat(ended.at("/query/endMillis").asLong()).isPositive();
        assertThat(ended.path("epochs")).isNotEmpty();
    }

    @Test
    void keepsAsManyEndedQueriesAsSparkDoes() throws Exception {
        for (String name : new String[] {"first", "second", "third"}) {
            start(name).stop();
        }
        StreamingQuery running = start("running");
        assertThat(figures("").path("queries"))
                .extracting(query -> query.path("name").asText())
                .containsExactly("running", "third", "second");
        running.stop();
    }

    @ParameterizedTest
    @ValueSource(strings = {"/realtime/", "/realtime/query/", "/realtime/figures/", "/static/millrace/page.js"})
    void letsInWhomSparkLetsIn(String path) throws Exception {
        start("guarded").stop();

        assertThat(get("alice", path).statusCode()).isEqualTo(200);
        assertThat(get("mallory", path).statusCode()).isEqualTo(403);
    }

    @Test
    void refusesWhatItDoesNotKnow() throws Exception {
        start("known").stop();

        assertThat(get("alice", "/realtime/figures/?run=00000000-0000-0000-0000-000000000000")
                        .statusCode())
                .isEqualTo(404);
        assertThat(get("alice", "/realtime/figures/?run=abc").statusCode()).isEqualTo(400);
        assertThat(get("alice", "/static/millrace/package-info.class").statusCode())
                .isEqualTo(404);
        assertThat(get("alice", "/static/millrace/page.css").headers().firstValue("Content-Type"))
                .hasValueSatisfying(type -> assertThat(type).startsWith("text/css"));
    }
}
