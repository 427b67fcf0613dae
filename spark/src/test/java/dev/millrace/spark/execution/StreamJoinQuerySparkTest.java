package dev.millrace.spark.execution;

import static dev.millrace.spark.LocalSpark.every;
import static org.apache.spark.sql.functions.expr;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.millrace.spark.LocalSpark;
import dev.millrace.spark.LocalSpark.Collector;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.apache.spark.sql.AnalysisException;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.execution.streaming.sources.LowLatencyMemoryStream;
import org.apache.spark.sql.streaming.StreamingQuery;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Queries that join two streams: when rows come out, and what outlives a query. A number is a key and a
 * time in seconds; a result is the left number and the right one, 0 where there is none.
 */
@Timeout(120)
final class StreamJoinQuerySparkTest {
    private static final Duration PATIENCE = Duration.ofMinutes(1);
    private static final long KEY = 10_000;
    private static final long LEFT = 1_000_000;
    private static final String RANGE =
            "l.k = r.k and r.ts >= l.ts - interval 5 seconds and r.ts <= l.ts + interval 5 seconds";

    private static SparkSession session;

    @TempDir
    private Path checkpoint;

    private LowLatencyMemoryStream<Long> left;
    private LowLatencyMemoryStream<Long> right;
    private Collector collector;

    @BeforeAll
    static void start() {
        session = LocalSpark.start();
    }

    @AfterAll
    static void stop() {
        LocalSpark.stop(session);
    }

    @BeforeEach
    void open() {
        left = LocalSpark.numbers(session, 1);
        right = LocalSpark.numbers(session, 1);
        collector = new Collector("stream join");
    }

    private static long row(long key, long seconds) {
        return key * KEY + seconds;
    }

    private static long result(long leftRow, long rightRow) {
        return leftRow * LEFT + rightRow;
    }

    private static Dataset<Row> side(LowLatencyMemoryStream<Long> stream, String alias) {
        return stream.toDF()
                .selectExpr(
                        "value div %d as k".formatted(KEY),
                        "timestamp_seconds(value %% %d) as ts".formatted(KEY),
                        "value as v")
                .as(alias);
    }

    private static Dataset<Row> watermarked(LowLatencyMemoryStream<Long> stream, String alias) {
        return watermarked(stream, alias, 0);
    }

    private static Dataset<Row> watermarked(LowLatencyMemoryStream<Long> stream, String alias, int delaySeconds) {
        return side(stream, alias)
                .withWatermark("ts", delaySeconds + " seconds")
                .as(alias);
    }

    private static Dataset<Row> results(Dataset<Row> l, Dataset<Row> r, String condition, String type) {
        return l.join(r, expr(condition), type)
                .selectExpr("coalesce(l.v, 0L) * %d + coalesce(r.v, 0L)".formatted(LEFT));
    }

    private Dataset<Row> joined(String type) {
        return results(watermarked(left, "l"), watermarked(right, "r"), RANGE, type);
    }

    private StreamingQuery start(Dataset<Row> query) throws Exception {
        StreamingQuery started = LocalSpark.collecting(query, collector)
                .outputMode("append")
                .option("checkpointLocation", checkpoint.toString())
                .trigger(every(100))
                .start();
        assertThat(LocalSpark.isOnMillrace(started)).isTrue();
        return started;
    }

    private void awaitTaken(Long... rows) {
        await().atMost(PATIENCE)
                .untilAsserted(() -> assertThat(collector.taken()).containsExactlyInAnyOrder(rows));
    }

    @Test
    void givesRowsWithoutAMatchAsSoonAsBothWatermarksAllowAndNoRowFollows() throws Exception {
        StreamingQuery query = start(joined("full_outer"));
        LocalSpark.add(left, row(1, 100), row(2, 100));
        LocalSpark.add(right, row(1, 103), row(3, 104));
        awaitTaken(result(row(1, 100), row(1, 103)));
        LocalSpark.add(left, row(9, 106));
        query.processAllAvailable();
        assertThat(collector.taken())
                .as("the right side may still give a match")
                .hasSize(1);
        LocalSpark.add(right, row(8, 106));
        awaitTaken(result(row(1, 100), row(1, 103)), result(row(2, 100), 0));
        query.stop();
    }

    @Test
    void dropsLateRowsOfEitherSideAndCountsThem() throws Exception {
        StreamingQuery query = start(joined("full_outer"));
        LocalSpark.add(left, row(1, 200));
        LocalSpark.add(right, row(2, 200));
        LocalSpark.add(left, row(1, 210));
        LocalSpark.add(right, row(2, 210));
        awaitTaken(result(row(1, 200), 0), result(0, row(2, 200)));
        LocalSpark.add(left, row(2, 205), row(2, 211));
        LocalSpark.add(right, row(1, 209));
        awaitTaken(result(row(1, 200), 0), result(0, row(2, 200)), result(row(2, 211), row(2, 210)));
        await().atMost(PATIENCE)
                .until(() -> query.lastProgress() != null
                        && java.util.Arrays.stream(query.recentProgress())
                                        .mapToLong(progress -> progress.stateOperators()[0].numRowsDroppedByWatermark())
                                        .sum()
                                == 2);
        query.stop();
    }

    @Test
    void keepsTheRowsOfBothSidesOverRestarts() throws Exception {
        StreamingQuery query = start(joined("left_outer"));
        LocalSpark.add(left, row(1, 100), row(2, 100), row(3, 101));
        LocalSpark.add(right, row(3, 100), row(4, 100));
        query.processAllAvailable();
        query.stop();
        assertThat(collector.taken()).containsExactly(result(row(3, 101), row(3, 100)));

        session.conf().set("spark.millrace.loops", "3");
        try {
            query = start(joined("left_outer"));
            LocalSpark.add(right, row(1, 104));
            LocalSpark.add(left, row(4, 103));
            query.processAllAvailable();
            query.stop();
        } finally {
            session.conf().unset("spark.millrace.loops");
        }
        query = start(joined("left_outer"));
        LocalSpark.add(left, row(9, 120));
        LocalSpark.add(right, row(9, 140));
        awaitTaken(
                result(row(3, 101), row(3, 100)),
                result(row(1, 100), row(1, 104)),
                result(row(4, 103), row(4, 100)),
                result(row(2, 100), 0));
        query.stop();
    }

    @Test
    void takesTheWatermarkOfTheOnlySideThatHasOne() throws Exception {
        StreamingQuery query =
                start(results(watermarked(left, "l", 1), side(right, "r"), "l.k = r.k and l.ts = r.ts", "left_outer"));
        LocalSpark.add(left, row(1, 100), row(2, 100));
        LocalSpark.add(right, row(1, 100));
        awaitTaken(result(row(1, 100), row(1, 100)));
        LocalSpark.add(left, row(9, 101));
        awaitTaken(result(row(1, 100), row(1, 100)), result(row(2, 100), 0));
        query.stop();
    }

    @Test
    void leavesToSparkWhatSparkRefuses() {
        List<Dataset<Row>> refused = List.of(
                results(side(left, "l"), side(right, "r"), RANGE, "left_outer"),
                results(watermarked(left, "l"), watermarked(right, "r"), "l.k = r.k", "full_outer"));
        for (Dataset<Row> query : refused) {
            assertThatThrownBy(() -> start(query))
                    .isInstanceOf(AnalysisException.class)
                    .hasMessageContaining("without a watermark in the join keys");
        }
        assertThatThrownBy(() ->
                        LocalSpark.collecting(joined("left_outer"), collector).start())
                .isInstanceOf(AnalysisException.class)
                .hasMessageContaining("not supported in Update output mode");
    }
}
