package dev.millrace.spark.execution;

import static org.apache.spark.sql.functions.expr;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.millrace.spark.LocalSpark;
import dev.millrace.spark.LocalSpark.Collector;
import dev.millrace.spark.outside.Traps;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.LongStream;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.execution.streaming.sources.LowLatencyMemoryStream;
import org.apache.spark.sql.streaming.StreamingQuery;
import org.apache.spark.sql.streaming.StreamingQueryProgress;
import org.apache.spark.sql.types.DataTypes;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Metrics of {@code observe()}: each row in exactly one epoch, the one that its source counts it in. */
@Timeout(120)
final class ObservationsSparkTest {
    private static SparkSession session;

    @TempDir
    private Path checkpoint;

    private LowLatencyMemoryStream<Long> numbers;
    private Collector collector;

    @BeforeAll
    static void start() {
        session = LocalSpark.start();
        session.udf()
                .register(
                        "trapped",
                        (Long value) -> {
                            Traps.pass("observed");
                            return value;
                        },
                        DataTypes.LongType);
    }

    @AfterAll
    static void stop() {
        LocalSpark.stop(session);
    }

    @BeforeEach
    void open() {
        numbers = LocalSpark.numbers(session, 3);
        collector = new Collector("observations");
    }

    @AfterEach
    void disarm() {
        Traps.disarmAll();
    }

    @Test
    void givesTheMetricsOfEachEpochAsSparkGivesThoseOfABatch() throws Exception {
        Column[] others = {
            expr("sum(value) as sum"),
            expr("max(value) - min(value) as spread"),
            expr("sort_array(collect_set(value % 3)) as rests"),
            expr("avg(value) as mean"),
            expr("'a constant' as text")
        };
        Dataset<Row> observed = numbers.toDF().observe("all", expr("count(1) as n"), others);
        StreamingQuery query = start(observed);
        for (long[] values : List.of(new long[] {1, 2, 3, 40}, new long[] {7}, new long[] {5, 6, 6})) {
            LocalSpark.add(numbers, values);
            query.processAllAvailable();
        }
        query.stop();

        List<Long> values = List.of(1L, 2L, 3L, 40L, 7L, 5L, 6L, 6L);
        Row expected = session.createDataset(values, org.apache.spark.sql.Encoders.LONG())
                .toDF("value")
                .agg(expr("count(1)"), expr("sum(value)"))
                .head();
        List<Row> rows = rows(query, "all");
        assertThat(rows.stream().mapToLong(row -> row.<Long>getAs("n")).sum()).isEqualTo(expected.getLong(0));
        assertThat(rows.stream()
                        .filter(row -> row.getAs("sum") != null)
                        .mapToLong(row -> row.<Long>getAs("sum"))
                        .sum())
                .isEqualTo(expected.getLong(1));
        for (StreamingQueryProgress progress : query.recentProgress()) {
            Row row = progress.observedMetrics().get("all");
            assertThat(row.<Long>getAs("n")).isEqualTo(progress.numInputRows());
            assertThat(row.<String>getAs("text")).isEqualTo("a constant");
            assertThat(row.<Object>getAs("spread") == null).isEqualTo(progress.numInputRows() == 0);
        }
        assertThat(rows)
                .anySatisfy(
                        row -> assertThat(row.toString()).startsWith("[1,7,0,").contains(",7.0,a constant"));
    }

    @Test
    void observesBeforeAndBehindStateInTheSameEpochs() throws Exception {
        Dataset<Row> observed = numbers.toDF()
                .observe("before", expr("count(1) as n"))
                .filter("value % 2 = 0")
                .observe("between", expr("count(1) as n"), expr("max(value) as largest"))
                .dropDuplicates("value")
                .observe("behind", expr("count(1) as n"));
        StreamingQuery query = start(observed);
        for (int round = 0; round < 20; round++) {
            LocalSpark.add(
                    numbers, LongStream.range(round * 10L, round * 10L + 30).toArray());
        }
        query.processAllAvailable();
        query.stop();

        assertThat(total(query, "before")).isEqualTo(600);
        assertThat(total(query, "between")).isEqualTo(300);
        assertThat(total(query, "behind"))
                .isEqualTo(110)
                .isEqualTo(collector.taken().size());
        for (StreamingQueryProgress progress : query.recentProgress()) {
            assertThat(progress.observedMetrics().get("before").getLong(0)).isEqualTo(progress.numInputRows());
            assertThat(progress.observedMetrics().get("behind").getLong(0))
                    .isEqualTo(progress.sink().numOutputRows());
        }
    }

    @Test
    void countsNoRowTwiceThatIsReadAgainAfterAFailure() throws Exception {
        Dataset<Row> observed = numbers.toDF()
                .observe("read", expr("count(1) as n"))
                .selectExpr("trapped(value) as value")
                .observe("written", expr("count(1) as n"));
        StreamingQuery query = start(observed);
        LocalSpark.add(numbers, 1, 2, 3);
        query.processAllAvailable();
        Traps.armTimes("observed", 1);
        LocalSpark.add(numbers, 4, 5, 6, 7);
        await().until(() -> query.lastProgress().sink().metrics().containsKey("recoveries"));
        query.processAllAvailable();
        query.stop();

        assertThat(total(query, "read")).isEqualTo(7);
        assertThat(total(query, "written")).isEqualTo(7);
    }

    @Test
    void observesTheBranchesOfAUnionEachForItself() throws Exception {
        Dataset<Row> rows = numbers.toDF();
        Dataset<Row> observed = rows.filter("value < 10")
                .observe("small", expr("count(1) as n"))
                .union(rows.filter("value >= 5").observe("large", expr("count(1) as n")))
                .observe("both", expr("count(1) as n"));
        StreamingQuery query = start(observed);
        LocalSpark.add(numbers, LongStream.range(0, 30).toArray());
        query.processAllAvailable();
        query.stop();

        assertThat(total(query, "small")).isEqualTo(10);
        assertThat(total(query, "large")).isEqualTo(25);
        assertThat(total(query, "both")).isEqualTo(35);
    }

    private StreamingQuery start(Dataset<Row> rows) throws Exception {
        StreamingQuery query = LocalSpark.collecting(rows, collector)
                .option("checkpointLocation", checkpoint.resolve("query").toString())
                .start();
        assertThat(LocalSpark.isOnMillrace(query)).isTrue();
        return query;
    }

    private static List<Row> rows(StreamingQuery query, String name) {
        List<Row> rows = new ArrayList<>();
        Arrays.stream(query.recentProgress())
                .forEach(progress -> rows.add(progress.observedMetrics().get(name)));
        return rows;
    }

    private static long total(StreamingQuery query, String name) {
        return rows(query, name).stream().mapToLong(row -> row.<Long>getAs("n")).sum();
    }
}
