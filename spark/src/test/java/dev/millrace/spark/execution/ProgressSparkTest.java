package dev.millrace.spark.execution;

import static dev.millrace.spark.LocalSpark.every;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.codahale.metrics.Gauge;
import dev.millrace.spark.LocalSpark;
import dev.millrace.spark.LocalSpark.Collector;
import dev.millrace.spark.scala.Scala;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.spark.metrics.source.Source;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.execution.streaming.runtime.StreamExecution;
import org.apache.spark.sql.execution.streaming.sources.LowLatencyMemoryStream;
import org.apache.spark.sql.streaming.StreamingQuery;
import org.apache.spark.sql.streaming.StreamingQueryProgress;
import org.apache.spark.sql.streaming.Trigger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What a query tells of itself: its progress, and its metrics in Spark's metrics system. */
@Timeout(120)
final class ProgressSparkTest {
    private static SparkSession session;

    @BeforeAll
    static void start() {
        session = LocalSpark.start("local[2]", Map.of("spark.sql.streaming.metricsEnabled", "true"));
    }

    @AfterAll
    static void stop() {
        LocalSpark.stop(session);
    }

    @AfterEach
    void end() throws Exception {
        for (StreamingQuery query : session.streams().active()) {
            query.stop();
        }
        session.conf().unset("spark.millrace.progress.interval");
    }

    @Test
    void tellsTheEventTimesOfAnEpochAsSparkDoesOfABatch() throws Exception {
        Map<String, String> onSpark = eventTimeOfFirstRows(Trigger.ProcessingTime(0), "event time of spark");
        Map<String, String> here = eventTimeOfFirstRows(every(200), "event time");

        assertThat(here).containsAllEntriesOf(onSpark);
        assertThat(onSpark).containsKeys("min", "max", "avg");
    }

    /** Without the watermark, which Spark moves behind the batch only. */
    private static Map<String, String> eventTimeOfFirstRows(Trigger trigger, String name) throws Exception {
        LowLatencyMemoryStream<Long> numbers = LocalSpark.numbers(session, 1);
        LocalSpark.add(numbers, 1_000, 1_003, 1_010);
        StreamingQuery query = withWatermark(numbers)
                .writeStream()
                .foreach(new Collector(name))
                .outputMode("update")
                .trigger(trigger)
                .start();
        query.processAllAvailable();
        await().until(() -> Arrays.stream(query.recentProgress()).anyMatch(p -> p.numInputRows() == 3));
        StreamingQueryProgress progress = Arrays.stream(query.recentProgress())
                .filter(p -> p.numInputRows() == 3)
                .findFirst()
                .orElseThrow();
        query.stop();
        Map<String, String> eventTime = new HashMap<>(progress.eventTime());
        eventTime.remove("watermark");
        return eventTime;
    }

    private static Dataset<Row> withWatermark(LowLatencyMemoryStream<Long> numbers) {
        return numbers.toDF()
                .selectExpr("value", "timestamp_seconds(value) AS time")
                .withWatermark("time", "5 seconds");
    }

    @Test
    void reportsWithinALongEpochAndCountsEachRowOnce() throws Exception {
        session.conf().set("spark.millrace.progress.interval", "50ms");
        LowLatencyMemoryStream<Long> numbers = LocalSpark.numbers(session, 1);
        StreamingQuery query = LocalSpark.collecting(numbers.toDF(), new Collector("long epoch progress"))
                .trigger(every(3_600_000))
                .start();
        LocalSpark.add(numbers, 1, 2, 3);
        await().until(() -> rows(query) == 3);
        LocalSpark.add(numbers, 4, 5);
        await().until(() -> rows(query) == 5);

        assertThat(query.recentProgress())
                .allSatisfy(p -> assertThat(p.batchId()).isZero());
        assertThat(query.lastProgress().durationMs()).doesNotContainKey("addBatch");
        LocalSpark.add(numbers, 6);
        query.processAllAvailable(); // ends the epoch
        await().until(() -> Arrays.stream(query.recentProgress())
                .anyMatch(p -> p.batchId() == 0 && p.durationMs().containsKey("addBatch")));
        assertThat(rows(query)).isEqualTo(6);
        assertThat(Arrays.stream(query.recentProgress())
                        .mapToLong(p -> p.sink().numOutputRows())
                        .sum())
                .isEqualTo(6);
    }

    private static long rows(StreamingQuery query) {
        return Arrays.stream(query.recentProgress())
                .mapToLong(StreamingQueryProgress::numInputRows)
                .sum();
    }

    @Test
    void tellsHowAnEpochEndedAndHowBusyEachStageWas() throws Exception {
        LowLatencyMemoryStream<Long> numbers = LocalSpark.numbers(session, 1);
        Dataset<Row> counts = numbers.toDF().groupBy("value").count().selectExpr("count");
        StreamingQuery query =
                LocalSpark.collecting(counts, new Collector("how it ended")).start();
        LocalSpark.add(numbers, 1, 1, 2);
        query.processAllAvailable();
        await().until(() -> query.lastProgress() != null && query.lastProgress().batchId() > 1);

        StreamingQueryProgress progress = query.lastProgress();
        assertThat(progress.durationMs()).containsKeys("alignment", "sinkPrepare", "snapshot", "manifestCommit");
        assertThat(progress.sink().metrics())
                .containsKeys("stage.0.busy", "stage.0.backPressured", "stage.2.busy")
                .allSatisfy(
                        (name, value) -> assertThat(Double.parseDouble(value)).isNotNegative());
    }

    @Test
    void standsInSparksMetricsSystemWhileItRuns() throws Exception {
        LowLatencyMemoryStream<Long> numbers = LocalSpark.numbers(session, 1);
        Dataset<Row> counts = withWatermark(numbers).groupBy("value").count().selectExpr("count");
        StreamingQuery query = LocalSpark.collecting(counts, new Collector("metrics"))
                .queryName("measured")
                .start();
        LocalSpark.add(numbers, 1_000, 1_001, 1_001);

        await().untilAsserted(() -> assertThat(gauges("millrace.measured"))
                .containsEntry("state-rows", 2.0)
                .containsKeys(
                        "latency-p99", "rowsRead-perSecond", "stage-0-busy", "stage-1-queueFill", "watermark-lag"));
        assertThat(gauges("millrace.measured").keySet().stream().map(name -> name.replaceAll("[^a-zA-Z0-9]", "_")))
                .as("what the dashboard asks the Prometheus servlet for")
                .containsAll(namesInDashboard());
        await().untilAsserted(() ->
                assertThat(gauges("millrace.measured").get("epoch")).isPositive());
        query.stop();
        assertThat(gauges("millrace.measured")).isEmpty();
    }

    @Test
    void explainsTheRunningDataflowWithItsFigures() throws Exception {
        LowLatencyMemoryStream<Long> numbers = LocalSpark.numbers(session, 1);
        Dataset<Row> counts = withWatermark(numbers).groupBy("value").count().selectExpr("count");
        StreamingQuery query =
                LocalSpark.collecting(counts, new Collector("explained")).start();
        LocalSpark.add(numbers, 1_000, 1_001, 1_001);

        StreamExecution execution = LocalSpark.execution(query);
        await().untilAsserted(() -> assertThat(execution.explainInternal(false))
                .contains("== Dataflow ==", "== Running ==", "state=RUNNING", "watermark lag")
                .containsPattern("state of stage 1, .*: rows=2, ")
                .containsPattern("\\n0 +3 ")
                .doesNotContain("Physical Plan"));
        assertThat(execution.explainInternal(true)).contains("== Physical Plan ==", "== Running ==");
    }

    private static Set<String> namesInDashboard() throws IOException {
        String dashboard = Files.readString(Path.of("..", "docs", "grafana", "millrace.json"));
        Matcher names = Pattern.compile("millrace_\\$\\{query}_(\\w+)_Value").matcher(dashboard);
        Set<String> found = new TreeSet<>();
        while (names.find()) {
            found.add(names.group(1));
        }
        Matcher ofStages = Pattern.compile("_stage_\\[0-9]\\+_(\\w+)_Value").matcher(dashboard);
        while (ofStages.find()) {
            found.add("stage_1_" + ofStages.group(1));
        }
        assertThat(found).hasSizeGreaterThan(12);
        return found;
    }

    private static Map<String, Double> gauges(String source) {
        Map<String, Double> values = new TreeMap<>();
        List<Source> sources =
                Scala.list(session.sparkContext().env().metricsSystem().getSourcesByName(source));
        for (Source one : sources) {
            for (Map.Entry<String, Gauge> gauge :
                    one.metricRegistry().getGauges().entrySet()) {
                values.put(gauge.getKey(), ((Number) gauge.getValue().getValue()).doubleValue());
            }
        }
        return values;
    }
}
