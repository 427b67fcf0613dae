package dev.millrace.spark.plan;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.expr;
import static org.apache.spark.sql.functions.window;
import static org.apache.spark.sql.functions.window_time;
import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.spark.LocalSpark;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.stream.Stream;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.streaming.OutputMode;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** What the watermark has passed is given once, and is Spark's answer. The last row closes all that came before. */
class AppendModeSparkTest {
    private static final String NEVER_LATE = "1 minute";
    private static SparkSession session;
    private static MemoryTable table;

    @BeforeAll
    static void start() {
        session = LocalSpark.start();
        table = Samples.closed(session, 300, 8);
    }

    @AfterAll
    static void stop() {
        LocalSpark.stop(session);
    }

    static Stream<Arguments> queries() {
        List<Arguments> queries = new ArrayList<>();
        add(queries, "windows", rows -> rows.groupBy(window(col("ts"), "10 seconds"))
                .count());
        add(queries, "sliding windows and a key", rows -> rows.groupBy(
                        window(col("ts"), "20 seconds", "10 seconds"), col("k"))
                .agg(expr("sum(v)"), expr("sort_array(collect_list(n))")));
        add(queries, "an event time as the key", rows -> rows.groupBy("ts", "k").count());
        add(queries, "a filter and a projection above", rows -> rows.groupBy(window(col("ts"), "10 seconds"), col("i"))
                .agg(expr("max(s) as s"))
                .filter("i > 0")
                .selectExpr("window.start", "concat(s, i)"));
        add(queries, "windows of windows", rows -> rows.groupBy(window(col("ts"), "5 seconds"), col("k"))
                .agg(expr("count(1) as n"))
                .groupBy(window(col("window"), "20 seconds"))
                .agg(expr("count(1)"), expr("sum(n)")));
        add(queries, "windows over window_time", rows -> rows.groupBy(window(col("ts"), "5 seconds"), col("k"))
                .agg(expr("sum(v) as v"))
                .groupBy(window(window_time(col("window")), "20 seconds"))
                .agg(expr("sum(v)")));
        add(queries, "the same windows once more, by fewer keys", rows -> rows.groupBy(
                        window(col("ts"), "10 seconds"), col("k"))
                .count()
                .groupBy("window")
                .agg(expr("max(count)")));
        add(queries, "windows over first rows", rows -> rows.dropDuplicates("k", "ts")
                .groupBy(window(col("ts"), "10 seconds"))
                .agg(expr("count(k)")));
        add(queries, "first rows of windows", rows -> rows.groupBy(window(col("ts"), "10 seconds"), col("k"))
                .count()
                .dropDuplicates("window", "count")
                .select("window", "count"));
        add(queries, "nothing but the windows", rows -> rows.groupBy(window(col("ts"), "10 seconds"))
                .count()
                .select("window"));
        add(queries, "windows of both branches of one stream", rows -> rows.filter("k = 0")
                .union(rows.filter("k = 0 or k = 1"))
                .groupBy(window(col("ts"), "10 seconds"))
                .count());
        add(queries, "windows with their last event time", rows -> rows.groupBy(window(col("ts"), "10 seconds"))
                .agg(expr("max(ts)"), expr("min(ts)")));
        add(queries, "a limit over both branches of one stream", rows -> rows.filter("k = 0")
                .union(rows.filter("k = 0"))
                .select("k")
                .limit(50));
        add(queries, "a limit", rows -> rows.limit(50).select("n"));
        return queries.stream();
    }

    /** A query over rows whose event time is {@code ts}. */
    private static void add(List<Arguments> queries, String name, Function<Dataset<Row>, Dataset<?>> query) {
        Function<Dataset<Row>, Dataset<?>> marked = rows -> query.apply(rows.withWatermark("ts", NEVER_LATE));
        queries.add(Arguments.of(name, marked));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("queries")
    void givesSparksRowsOnce(String name, Function<Dataset<Row>, Dataset<?>> query) {
        Queries.checkAppend(session, table, 11, query);
    }

    @Test
    void takesAWatermarkFromAColumnThatWasMade() {
        Queries.checkAppend(session, table, 12, rows -> rows.selectExpr(
                        "k", "timestamp_millis(1700000000000 + if(n < 300, n, 1000000) * 700) as made")
                .withWatermark("made", NEVER_LATE)
                .groupBy(window(col("made"), "10 seconds"))
                .count());
    }

    @Test
    void givesNothingThatMayStillChange() {
        Dataset<Row> counts = table.asStream(0)
                .withWatermark("ts", "10 days")
                .groupBy(window(col("ts"), "10 seconds"))
                .count();

        assertThat(Queries.run(session, counts, OutputMode.Append(), (harness, events) -> harness.run(events), table))
                .noneMatch(dev.millrace.engine.harness.Event.Row.class::isInstance);
    }
}
