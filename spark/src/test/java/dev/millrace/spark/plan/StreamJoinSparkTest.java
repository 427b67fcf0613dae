package dev.millrace.spark.plan;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.expr;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.millrace.engine.error.MillraceException;
import dev.millrace.engine.graph.Exchange;
import dev.millrace.engine.graph.StreamGraph.Stage;
import dev.millrace.engine.operator.StreamJoinFactory;
import dev.millrace.spark.LocalSpark;
import dev.millrace.spark.RowTexts;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.apache.spark.sql.AnalysisException;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.streaming.OutputMode;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Joins of two streams give Spark's batch answer once the watermark has passed all rows. */
@Timeout(120)
class StreamJoinSparkTest {
    private static final String RANGE = "r.ts >= l.ts - interval 9 seconds and r.ts <= l.ts + interval 4 seconds";

    private static SparkSession session;
    private static MemoryTable left;
    private static MemoryTable right;
    private static MemoryTable third;

    @BeforeAll
    static void start() {
        session = LocalSpark.start();
        left = Joins.table(session, 150, 21);
        right = Joins.table(session, 150, 22);
        third = Joins.table(session, 60, 23);
    }

    @AfterAll
    static void stop() {
        LocalSpark.stop(session);
    }

    private static Dataset<Row> watermarked(Dataset<Row> rows, String alias) {
        return rows.withWatermark("ts", Joins.DELAY).as(alias);
    }

    /** Both sides' columns that tell their rows apart. */
    private static Dataset<Row> join(List<Dataset<Row>> inputs, String condition, String type) {
        return joinSides(watermarked(inputs.get(0), "l"), watermarked(inputs.get(1), "r"), condition, type);
    }

    private static Dataset<Row> joinSides(Dataset<Row> l, Dataset<Row> r, String condition, String type) {
        Dataset<Row> joined = l.join(r, expr(condition), type);
        return type.equals("left_semi")
                ? joined.select("l.k", "l.n", "l.s", "l.m")
                : joined.select("l.k", "l.n", "l.s", "r.n", "r.k", "r.xs", "l.m");
    }

    static Stream<Arguments> joins() {
        List<Arguments> joins = new ArrayList<>();
        for (String type : List.of("inner", "left_outer", "right_outer", "full_outer", "left_semi")) {
            joins.add(Arguments.of(type, "l.k = r.k and " + RANGE));
            joins.add(Arguments.of(type, "l.k = r.k and l.i = r.i and " + RANGE + " and l.v > r.v"));
            joins.add(Arguments.of(type, "l.k = r.k and l.v > 100 and r.i >= 0 and l.v + r.v < 900 and " + RANGE));
            joins.add(Arguments.of(type, "l.k = r.k and l.ts = r.ts"));
        }
        joins.add(Arguments.of("full_outer", "l.d = r.d and l.s <=> r.s and " + RANGE));
        joins.add(Arguments.of(
                "left_outer", "l.v % 7 = r.i and substring(l.s, 6, 1) = substring(r.s, 6, 1) and " + RANGE));
        joins.add(Arguments.of(
                "right_outer",
                "l.m = r.m and l.day = r.day and r.ts between l.ts - interval 1 minute and l.ts"
                        + " and l.ts < r.ts + interval 2 minutes"));
        joins.add(Arguments.of("inner", "l.k = r.k"));
        joins.add(Arguments.of("inner", "l.xs = r.xs and l.n < r.n"));
        joins.add(Arguments.of("inner", "l.k = r.k and r.ts > l.ts"));
        joins.add(Arguments.of("left_outer", "l.k = r.k and r.ts < l.ts + interval 3 seconds"));
        joins.add(Arguments.of("right_outer", "l.k = r.k and l.ts < r.ts + interval 3 seconds"));
        joins.add(Arguments.of("left_outer", "l.k = r.k and l.ts > timestamp'2020-01-01' and " + RANGE));
        return joins.stream();
    }

    @ParameterizedTest(name = "{0} on {1}")
    @MethodSource("joins")
    void givesSparksAnswer(String type, String condition) throws Exception {
        Joins.check(session, OutputMode.Append(), inputs -> join(inputs, condition, type), left, right);
    }

    static Stream<Arguments> queries() {
        List<Arguments> queries = new ArrayList<>();
        add(queries, "windows as keys", inputs -> windowed(inputs.get(0), "l")
                .join(windowed(inputs.get(1), "r"), expr("l.w = r.w and l.k = r.k"), "full_outer")
                .select("l.w", "l.n", "r.n"));
        add(queries, "without a watermark", inputs -> inputs.get(0)
                .as("l")
                .join(inputs.get(1).as("r"), expr("l.k = r.k and " + RANGE))
                .select("l.n", "r.n"));
        add(queries, "filters and projections around", inputs -> watermarked(
                        inputs.get(0).filter("v > 50"), "l")
                .selectExpr("k + 1 as k", "ts", "n", "upper(s) as s")
                .as("l")
                .join(
                        watermarked(inputs.get(1).filter("i is not null"), "r"),
                        expr("l.k = r.k and " + RANGE),
                        "left_outer")
                .filter("r.n is null or r.n % 2 = 0")
                .selectExpr("concat(l.s, '!')", "l.n", "r.n"));
        add(queries, "explode on both sides", inputs -> watermarked(inputs.get(0), "l")
                .selectExpr("explode(xs) as x", "ts", "n")
                .as("l")
                .join(
                        watermarked(inputs.get(1), "r")
                                .selectExpr("explode(xs) as x", "ts", "n")
                                .as("r"),
                        expr("l.x = r.x and " + RANGE),
                        "full_outer")
                .select("l.x", "l.n", "r.n"));
        add(
                queries,
                "self-join",
                inputs -> join(List.of(inputs.get(0), renewed(inputs.get(0))), "l.k = r.i and " + RANGE, "inner"));
        add(
                queries,
                "self-join of unlike halves",
                inputs -> join(
                        List.of(
                                inputs.get(0).filter("n % 2 = 0 or n > 1000"),
                                renewed(inputs.get(0)).filter("n % 2 = 1 or n > 1000")),
                        "l.k = r.k and " + RANGE,
                        "left_outer"));
        add(
                queries,
                "union before",
                inputs -> joinSides(
                        watermarked(inputs.get(0), "a")
                                .union(watermarked(inputs.get(2), "b"))
                                .as("l"),
                        watermarked(inputs.get(1), "r"),
                        "l.k = r.k and " + RANGE,
                        "full_outer"));
        add(queries, "three streams", inputs -> watermarked(inputs.get(0), "l")
                .join(watermarked(inputs.get(1), "r"), expr("l.k = r.k and " + RANGE))
                .select(col("l.k"), col("l.ts"), col("l.n").as("ln"), col("r.n").as("rn"))
                .as("lr")
                .join(
                        watermarked(inputs.get(2), "t"),
                        expr("lr.k = t.k and t.ts >= lr.ts - interval 20 seconds and t.ts <= lr.ts + interval 20"
                                + " seconds"),
                        "left_outer")
                .select("ln", "rn", "t.n"));
        add(
                queries,
                "static join before",
                inputs -> join(
                        List.of(
                                inputs.get(0)
                                        .join(session.range(5).toDF("id"), expr("k = id"), "left")
                                        .drop("id"),
                                inputs.get(1)),
                        "l.k = r.k and " + RANGE,
                        "inner"));
        return queries.stream();
    }

    /** The same columns under other ids, without which Spark takes no stream to be joined with itself. */
    static Dataset<Row> renewed(Dataset<Row> rows) {
        return rows.toDF(rows.columns());
    }

    private static void add(List<Arguments> queries, String name, Joins.Query query) {
        queries.add(Arguments.of(name, query));
    }

    private static Dataset<Row> windowed(Dataset<Row> rows, String alias) {
        return watermarked(rows, alias)
                .withColumn("w", expr("window(ts, '10 seconds')"))
                .as(alias);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("queries")
    void givesSparksAnswerWithin(String name, Joins.Query query) throws Exception {
        MemoryTable[] tables = name.equals("union before") || name.equals("three streams")
                ? new MemoryTable[] {left, right, third}
                : name.startsWith("self-join") ? new MemoryTable[] {left} : new MemoryTable[] {left, right};
        Joins.check(session, OutputMode.Append(), query, tables);
    }

    @Test
    void aggregatesWhatAJoinGives() throws Exception {
        Joins.Query query = inputs -> watermarked(inputs.get(0), "l")
                .join(watermarked(inputs.get(1), "r"), expr("l.k = r.k and " + RANGE))
                .groupBy("l.k")
                .agg(expr("count(1)"), expr("sum(r.v)"));
        List<String> actual = Joins.withoutClosing(Joins.run(session, OutputMode.Update(), query, left, right));
        List<String> expected = Joins.withoutClosing(Joins.batch(query, left, right));

        assertThat(RowTexts.lastByKey(actual, 1)).isEqualTo(RowTexts.lastByKey(expected, 1));
    }

    /** No row that an outer join gives when the watermark passes may be late for the windows behind it. */
    @Test
    void aggregatesWhatAnOuterJoinGivesInAppendMode() throws Exception {
        Joins.Query query = inputs -> watermarked(inputs.get(0), "l")
                .join(watermarked(inputs.get(1), "r"), expr("l.k = r.k and " + RANGE), "left_outer")
                .groupBy(expr("window(l.ts, '5 seconds') as w"), col("l.k"))
                .agg(expr("count(1)"), expr("count(r.n)"), expr("sum(r.v)"));

        Joins.check(session, OutputMode.Append(), query, left, right);
    }

    @Test
    void exchangesEachSideByItsKeyAndNotAgain() {
        Dataset<Row> joined = watermarked(left.asStream(0), "l")
                .join(watermarked(right.asStream(1), "r"), expr("l.k = r.i and " + RANGE));
        PlannedQuery planned = Queries.plan(session, joined, OutputMode.Append(), left, right);
        Stage join = planned.graph().stages().stream()
                .filter(stage -> Plans.operators(stage).stream().anyMatch(StreamJoinFactory.class::isInstance))
                .findFirst()
                .orElseThrow();

        assertThat(planned.isStateful()).isTrue();
        assertThat(join.inputs()).allMatch(input -> input.exchange() instanceof Exchange.Hash);
        assertThat(planned.graph().describe())
                .contains("<- hash(l.k) stage 0 <- right hash(CAST(r.i AS BIGINT)) stage 1");
    }

    @Test
    void leavesToSparkWhatSparkRefuses() {
        Dataset<Row> joined = left.asStream(0).as("l").join(right.asStream(1).as("r"), expr("l.k < r.k"));

        assertThatThrownBy(() -> Queries.plan(session, joined, OutputMode.Append(), left, right))
                .isInstanceOf(AnalysisException.class)
                .hasMessageContaining("Stream-stream join without equality predicate");
    }

    @Test
    void refusesKeysWhoseBytesSayNothing() {
        Dataset<Row> joined = left.asStream(0)
                .as("l")
                .join(right.asStream(1).as("r"), expr("l.s collate UTF8_LCASE = r.s collate UTF8_LCASE"));

        assertThatThrownBy(() -> Queries.plan(session, joined, OutputMode.Append(), left, right))
                .isInstanceOf(MillraceException.class)
                .hasMessageContaining("MILLRACE_UNSUPPORTED_OPERATOR")
                .hasMessageContaining("UTF8_LCASE");
    }
}
