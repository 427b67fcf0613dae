package dev.millrace.spark.execution;

import static dev.millrace.spark.LocalSpark.every;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.millrace.spark.LocalSpark;
import dev.millrace.spark.LocalSpark.Collector;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
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

/** Event time and output modes from end to end. A row is its event time in seconds. */
@Timeout(120)
final class OutputModesSparkTest {
    /** A result is the second at which a window starts, times this, and how many rows it has. */
    private static final long STARTS = 1_000;

    private static final long HOUR_MILLIS = 3_600_000;
    private static SparkSession session;

    @TempDir
    private Path checkpoint;

    private LowLatencyMemoryStream<Long> numbers;
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
        numbers = LocalSpark.numbers(session, 1);
        collector = new Collector("output modes");
    }

    @Test
    void givesAWindowAsSoonAsTheWatermarkPassesItWithoutAnEpoch() throws Exception {
        StreamingQuery query = startRunning(windows(timed(numbers)), "append", HOUR_MILLIS);
        LocalSpark.add(numbers, 1, 11, 2, 12, 3);
        LocalSpark.add(numbers, 25);

        await().untilAsserted(() -> assertThat(collector.taken()).containsExactlyInAnyOrder(3L, 10 * STARTS + 2));
        assertThat(query.lastProgress()).as("an epoch that has ended").isNull();
        query.stop();
    }

    @Test
    void dropsLateRowsAndCountsThem() throws Exception {
        StreamingQuery query = startRunning(windows(timed(numbers)), "append", 100);
        LocalSpark.add(numbers, 1, 25);
        await().untilAsserted(() -> assertThat(collector.taken()).containsExactly(1L));
        LocalSpark.add(numbers, 2, 3, 12, 22, 45);
        query.processAllAvailable();
        await().untilAsserted(() -> assertThat(collector.taken()).containsExactlyInAnyOrder(1L, 20 * STARTS + 2));
        query.stop();

        assertThat(Arrays.stream(query.recentProgress())
                        .flatMap(progress -> Arrays.stream(progress.stateOperators()))
                        .mapToLong(operator -> operator.numRowsDroppedByWatermark())
                        .sum())
                .as("late are 2 and 3, which may have become one row before the exchange, and 12")
                .isBetween(2L, 3L);
    }

    @Test
    void bringsWindowsBackThatWereOpenAndGivesNoneTwice() throws Exception {
        run(windows(timed(numbers)), "append", 1, 2, 15);
        run(windows(timed(numbers)), "append", 16, 40);
        run(windows(timed(numbers)), "append", 3, 60);

        assertThat(collector.taken()).containsExactlyInAnyOrder(2L, 10 * STARTS + 2, 40 * STARTS + 1);
    }

    @Test
    void givesASessionAsSoonAsTheWatermarkPassesItsEndAndDropsWhatComesLater() throws Exception {
        StreamingQuery query = startRunning(sessions(timed(numbers)), "append", HOUR_MILLIS);
        LocalSpark.add(numbers, 1, 7, 4, 30);
        await().untilAsserted(() -> assertThat(collector.taken()).containsExactly(STARTS + 3));
        // 24 is behind the watermark, but its session meets that of 30; that of 15 ended before it.
        LocalSpark.add(numbers, 15, 24, 60);

        await().untilAsserted(
                        () -> assertThat(collector.taken()).containsExactlyInAnyOrder(STARTS + 3, 24 * STARTS + 2));
        assertThat(query.lastProgress()).as("an epoch that has ended").isNull();
        query.processAllAvailable();
        query.stop();
        assertThat(Arrays.stream(query.recentProgress())
                        .flatMap(progress -> Arrays.stream(progress.stateOperators()))
                        .mapToLong(operator -> operator.numRowsDroppedByWatermark())
                        .sum())
                .isEqualTo(1);
    }

    @Test
    void bringsSessionsBackThatWereOpenWithMoreOrFewerLoops() throws Exception {
        Dataset<Row> byDigit = timed(numbers)
                .groupBy(
                        org.apache.spark.sql.functions.expr("session_window(ts, '10 seconds') as session"),
                        org.apache.spark.sql.functions.expr("value % 5"))
                .agg(org.apache.spark.sql.functions.expr("size(collect_list(value)) as count"))
                .selectExpr("unix_timestamp(session.start) * %d + count".formatted(STARTS));
        session.conf().set("spark.millrace.loops", "1");
        try {
            run(byDigit, "append", 1, 2, 3, 11);
            session.conf().set("spark.millrace.loops", "3");
            run(byDigit, "append", 6, 7, 12);
            session.conf().set("spark.millrace.loops", "2");
            run(byDigit, "append", 13, 100);
        } finally {
            session.conf().unset("spark.millrace.loops");
        }

        assertThat(collector.taken()).containsExactlyInAnyOrder(STARTS + 3, 2 * STARTS + 3, 3 * STARTS + 2);
    }

    @Test
    void bringsBackWhichRowsWereSeen() throws Exception {
        Dataset<Row> first = numbers.toDF().dropDuplicates("value");
        run(first, "append", 1, 2, 2);
        run(first, "append", 2, 3, 1);

        assertThat(collector.taken()).containsExactly(1L, 2L, 3L);
    }

    @Test
    void forgetsWhichRowsWereSeenWithinTheWatermarksDelay() throws Exception {
        Dataset<Row> first = timed(numbers)
                .selectExpr("ts", "value % 10 as digit", "value")
                .dropDuplicatesWithinWatermark("digit")
                .select("value");
        run(first, "append", 1, 2, 11);
        run(first, "append", 12, 30);
        run(first, "append", 31, 32, 41);

        assertThat(collector.taken()).containsExactly(1L, 2L, 30L, 31L, 32L);
    }

    @Test
    void bringsBackHowManyRowsAreLeftToALimit() throws Exception {
        run(numbers.toDF().limit(3), "append", 1, 2);
        run(numbers.toDF().limit(3), "append", 3, 4);
        run(numbers.toDF().limit(3), "append", 5);

        assertThat(collector.taken()).containsExactly(1L, 2L, 3L);
    }

    @Test
    void givesTheWholeTableInOrderAlsoAfterARestart() throws Exception {
        Dataset<Row> table = numbers.toDF()
                .groupBy("value")
                .count()
                .orderBy(org.apache.spark.sql.functions.desc("count"))
                .limit(2)
                .selectExpr("value * 1000 + count");
        run(table, "complete", 1, 2, 2);
        assertThat(lastOf(collector.taken(), 2)).containsExactly(2002L, 1001L);
        run(table, "complete", 3, 3, 3);

        assertThat(lastOf(collector.taken(), 2)).containsExactly(3003L, 2002L);
    }

    @Test
    void aggregatesWhatAnAggregationHasClosed() throws Exception {
        Dataset<Row> largest = timed(numbers)
                .groupBy(org.apache.spark.sql.functions.expr("window(ts, '5 seconds')"))
                .count()
                .groupBy(org.apache.spark.sql.functions.expr("window(window_time(window), '20 seconds') as window"))
                .agg(org.apache.spark.sql.functions.expr("max(count) as count"))
                .selectExpr("unix_timestamp(window.start) * %d + count".formatted(STARTS));
        run(largest, "append", 1, 2, 3, 6, 11);
        run(largest, "append", 12, 13, 14, 21, 22, 60);

        assertThat(collector.taken()).containsExactlyInAnyOrder(4L, 20 * STARTS + 2);
    }

    @Test
    void waitsForTheSlowestOfTwoStreamsOrForNoneAsThePolicySays() throws Exception {
        LowLatencyMemoryStream<Long> slow = LocalSpark.numbers(session, 1);
        Dataset<Row> both = windows(timed(numbers).union(timed(slow)));
        session.conf().set("spark.sql.streaming.multipleWatermarkPolicy", "max");
        try {
            StreamingQuery query = startRunning(both, "append", HOUR_MILLIS);
            LocalSpark.add(slow, 1);
            LocalSpark.add(numbers, 2, 100);
            await().untilAsserted(() -> assertThat(collector.taken()).hasSize(1));
            query.stop();
        } finally {
            session.conf().unset("spark.sql.streaming.multipleWatermarkPolicy");
        }
        collector.taken().clear();
        StreamingQuery query = start(both, "append", 100, checkpoint.resolve("least"));
        LocalSpark.add(slow, 1);
        LocalSpark.add(numbers, 2, 100);
        query.processAllAvailable();
        assertThat(collector.taken()).isEmpty();
        LocalSpark.add(slow, 50);
        await().untilAsserted(() -> assertThat(collector.taken()).isNotEmpty());
        query.stop();
    }

    @Test
    void doesNotWaitForAStreamWithoutAWatermark() throws Exception {
        LowLatencyMemoryStream<Long> unmarked = LocalSpark.numbers(session, 1);
        Dataset<Row> both =
                windows(timed(numbers).union(unmarked.toDF().selectExpr("value", "timestamp_seconds(value)")));
        StreamingQuery query = startRunning(both, "append", HOUR_MILLIS);
        LocalSpark.add(unmarked, 1);
        LocalSpark.add(numbers, 2, 100);

        await().untilAsserted(() -> assertThat(collector.taken()).isNotEmpty());
        query.stop();
    }

    @Test
    void doesNotWaitForAnIdlePartition() throws Exception {
        LowLatencyMemoryStream<Long> partitioned = LocalSpark.numbers(session, 2);
        session.conf().set("spark.millrace.watermark.idleAfter", "500ms");
        try {
            StreamingQuery query = startRunning(windows(timed(partitioned)), "append", HOUR_MILLIS);
            LocalSpark.add(partitioned, 1);
            LocalSpark.add(partitioned, 2);
            LocalSpark.add(partitioned, 100);
            await().untilAsserted(() -> assertThat(collector.taken()).isNotEmpty());
            query.stop();
        } finally {
            session.conf().unset("spark.millrace.watermark.idleAfter");
        }
    }

    @Test
    void remembersOverARestartHowFarEachPartitionHadCome() throws Exception {
        LowLatencyMemoryStream<Long> partitioned = LocalSpark.numbers(session, 2);
        session.conf().set("spark.millrace.watermark.idleAfter", "1h");
        session.conf().set("spark.millrace.loops", "2");
        try {
            StreamingQuery first = startRunning(windows(timed(partitioned)), "append", 100);
            LocalSpark.add(partitioned, 1, 2, 50, 100);
            first.processAllAvailable();
            first.stop();
            assertThat(collector.taken()).containsExactly(2L);
            session.conf().set("spark.millrace.loops", "1");

            StreamingQuery second = startRunning(windows(timed(partitioned)), "append", 100);
            LocalSpark.add(partitioned, 130);
            await().untilAsserted(() -> assertThat(collector.taken()).containsExactly(2L, 50 * STARTS + 1));
            second.stop();
        } finally {
            session.conf().unset("spark.millrace.watermark.idleAfter");
            session.conf().unset("spark.millrace.loops");
        }
    }

    private static Dataset<Row> timed(LowLatencyMemoryStream<Long> stream) {
        return stream.toDF()
                .selectExpr("value", "timestamp_seconds(value) as ts")
                .withWatermark("ts", "5 seconds");
    }

    private static Dataset<Row> windows(Dataset<Row> timed) {
        return timed.groupBy(org.apache.spark.sql.functions.expr("window(ts, '10 seconds')"))
                .count()
                .selectExpr("unix_timestamp(window.start) * %d + count".formatted(STARTS));
    }

    private static Dataset<Row> sessions(Dataset<Row> timed) {
        return timed.groupBy(
                        org.apache.spark.sql.functions.expr("session_window(ts, '10 seconds') as session"),
                        org.apache.spark.sql.functions.expr("value % 1"))
                .count()
                .selectExpr("unix_timestamp(session.start) * %d + count".formatted(STARTS));
    }

    private static List<Long> lastOf(List<Long> taken, int count) {
        return taken.subList(taken.size() - count, taken.size());
    }

    private void run(Dataset<Row> rows, String outputMode, long... values) throws Exception {
        StreamingQuery running = startRunning(rows, outputMode, 100);
        LocalSpark.add(numbers, values);
        running.processAllAvailable();
        running.stop();
        assertThat(running.exception().isDefined()).isFalse();
    }

    private StreamingQuery startRunning(Dataset<Row> rows, String outputMode, long epochMillis) throws Exception {
        return start(rows, outputMode, epochMillis, checkpoint.resolve("query"));
    }

    private StreamingQuery start(Dataset<Row> rows, String outputMode, long epochMillis, Path location)
            throws Exception {
        StreamingQuery query = rows.writeStream()
                .foreach(collector)
                .outputMode(outputMode)
                .option("checkpointLocation", location.toString())
                .trigger(every(epochMillis))
                .start();
        assertThat(LocalSpark.isOnMillrace(query)).isTrue();
        return query;
    }
}
