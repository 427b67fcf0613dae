package dev.millrace.spark.plan;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.expr;
import static org.apache.spark.sql.functions.session_window;
import static org.apache.spark.sql.functions.udaf;
import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.spark.LocalSpark;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.function.Function;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoder;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.expressions.Aggregator;
import org.apache.spark.sql.streaming.OutputMode;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Sessions, whose rows come out of order, are Spark's: once in append mode, and as the last table in
 * complete mode. Seeds replay with {@code -Dmillrace.test.seeds=FROM-TO}.
 */
class SessionWindowsSparkTest {
    private static final String NEVER_LATE = "1 minute";

    private static final List<String> GAPS = List.of(
            "'5 seconds'",
            "'1 second'",
            "'1 minute'",
            "case when k = 0 then '3 seconds' when k = 1 then '20 seconds' else '8 seconds' end",
            "make_interval(0, 0, 0, 0, 0, 0, 1 + n % 9)",
            "if(v > 0, '4 seconds', '0 seconds')",
            "if(i >= 0, '4 seconds', '-3 seconds')",
            "concat(cast(i as string), ' seconds')");

    private static final List<String> FUNCTIONS = List.of(
            "count(1)",
            "sum(v)",
            "avg(v)",
            "max(s)",
            "sum(m)",
            "approx_count_distinct(v)",
            "sort_array(collect_list(n))",
            "sort_array(collect_set(i))",
            "sum(v) filter (where i > 0)",
            "stddev(d)",
            "max_by(s, n)",
            "percentile_approx(v, 0.5)",
            "longest(s)",
            "sort_array(collect_list(s) filter (where k = 1))",
            "max(ts)",
            "bit_xor(n)");

    private static SparkSession session;
    private static MemoryTable table;

    /** The longest text, in an object of the user's own. */
    public static final class Longest extends Aggregator<String, String, Integer> {
        private static final long serialVersionUID = 1L;

        @Override
        public String zero() {
            return "";
        }

        @Override
        public String reduce(String buffer, String text) {
            return text != null && text.length() > buffer.length() ? text : buffer;
        }

        @Override
        public String merge(String left, String right) {
            return reduce(left, right);
        }

        @Override
        public Integer finish(String reduction) {
            return reduction.length();
        }

        @Override
        public Encoder<String> bufferEncoder() {
            return Encoders.STRING();
        }

        @Override
        public Encoder<Integer> outputEncoder() {
            return Encoders.INT();
        }
    }

    @BeforeAll
    static void start() {
        session = LocalSpark.start();
        session.udf().register("longest", udaf(new Longest(), Encoders.STRING()));
        table = Samples.closed(session, 300, 8);
    }

    @AfterAll
    static void stop() {
        LocalSpark.stop(session);
    }

    static Stream<Arguments> queries() {
        List<Arguments> queries = new ArrayList<>();
        add(queries, "one key", rows -> rows.groupBy(session_window(col("ts"), "2 seconds"), col("k"))
                .count());
        add(queries, "the session behind two keys", rows -> rows.groupBy(
                        col("k"),
                        expr("i % 2"),
                        session_window(col("ts"), "4 seconds").as("session"))
                .agg(expr("sum(v)"), expr("max(s)")));
        add(queries, "a gap that depends on the row", rows -> rows.groupBy(
                        session_window(col("ts"), expr("if(n % 3 = 0, '9 seconds', '1 second')")), col("k"))
                .agg(expr("sort_array(collect_list(n))")));
        add(queries, "gaps that are none, whose rows count for nothing", rows -> rows.groupBy(
                        session_window(col("ts"), expr("if(n % 3 = 0, '0 seconds', '-4 seconds')")), col("k"))
                .count());
        add(queries, "no functions", rows -> rows.groupBy(session_window(col("ts"), "2 seconds"), col("k"))
                .agg(expr("count(1)"))
                .select("session_window", "k"));
        add(queries, "a filter and a projection above", rows -> rows.groupBy(
                        session_window(col("ts"), "3 seconds"), col("i"))
                .agg(expr("max(s) as s"), expr("longest(s) as l"))
                .filter("i > 0")
                .selectExpr("session_window.start", "session_window.end", "concat(s, i)", "l"));
        add(queries, "fractions and texts as keys", rows -> rows.groupBy(
                        session_window(col("ts"), "30 seconds"), col("d"), col("s"))
                .agg(expr("count(1)")));
        return queries.stream();
    }

    private static void add(List<Arguments> queries, String name, Function<Dataset<Row>, Dataset<?>> query) {
        Function<Dataset<Row>, Dataset<?>> marked = rows -> query.apply(rows.withWatermark("ts", NEVER_LATE));
        queries.add(Arguments.of(name, marked));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("queries")
    void givesSparksSessionsOnce(String name, Function<Dataset<Row>, Dataset<?>> query) {
        Queries.checkAppend(session, table, 21, query);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("queries")
    void givesSparksTableOfSessions(String name, Function<Dataset<Row>, Dataset<?>> query) {
        Queries.checkComplete(session, Samples.table(session, 300, 9), false, query);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("behind")
    void closesSessionsForTheAggregationBehindThem(String name, Function<Dataset<Row>, Dataset<?>> query) {
        Queries.checkAppend(session, table, 22, query);
    }

    static Stream<Arguments> behind() {
        List<Arguments> queries = new ArrayList<>();
        add(queries, "windows over sessions", rows -> rows.groupBy(
                        session_window(col("ts"), "2 seconds").as("w"), col("k"))
                .agg(expr("count(1) as n"))
                .groupBy(expr("window(window_time(w), '20 seconds')"))
                .agg(expr("count(1)"), expr("sum(n)")));
        add(queries, "sessions over windows", rows -> rows.groupBy(expr("window(ts, '5 seconds')"), col("k"))
                .agg(expr("count(1) as n"))
                .groupBy(session_window(expr("window_time(window)"), "5 seconds"), col("k"))
                .agg(expr("sum(n)")));
        add(queries, "sessions of first rows", rows -> rows.dropDuplicates("k", "ts")
                .groupBy(session_window(col("ts"), "2 seconds"), col("k"))
                .agg(expr("count(1)")));
        return queries.stream();
    }

    static LongStream seeds() {
        String[] range = System.getProperty("millrace.test.seeds", "1-10").split("-", 2);
        return LongStream.rangeClosed(Long.parseLong(range[0]), Long.parseLong(range[1]));
    }

    @ParameterizedTest
    @MethodSource("seeds")
    void givesSparksAnswerToRandomQueries(long seed) throws Exception {
        Random random = new Random(seed);
        MemoryTable rows = Samples.closed(session, 250, seed + 4000);
        String gap = GAPS.get(random.nextInt(GAPS.size()));
        String key = List.of("k", "i", "s", "d", "k % 3", "struct(k, i)").get(random.nextInt(6));
        List<String> functions = new ArrayList<>(FUNCTIONS);
        Collections.shuffle(functions, random);
        List<String> chosen = functions.subList(0, 1 + random.nextInt(4));
        System.out.println("seed=" + seed + ": sessions by " + key + " with gap " + gap + " of " + chosen);
        Function<Dataset<Row>, Dataset<?>> query = input -> {
            Column[] others =
                    chosen.stream().skip(1).map(function -> expr(function)).toArray(Column[]::new);
            return input.withWatermark("ts", NEVER_LATE)
                    .groupBy(expr(key).as("key"), session_window(col("ts"), expr(gap)))
                    .agg(expr(chosen.get(0)), others);
        };
        Queries.checkAppend(session, rows, seed, query);
        Queries.checkComplete(session, Samples.table(session, 250, seed + 5000), false, query);

        Dataset<?> streaming = query.apply(rows.asStream(0));
        PlannedQuery planned = Queries.plan(session, streaming, OutputMode.Append(), rows);
        assertThat(Queries.texts(DataflowRunner.run(session, planned, 251), streaming.schema()))
                .containsExactlyInAnyOrderElementsOf(Queries.batch(query.apply(rows.asTable())));
    }
}
