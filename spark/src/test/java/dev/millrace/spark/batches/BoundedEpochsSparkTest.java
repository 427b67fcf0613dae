package dev.millrace.spark.batches;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.count;
import static org.apache.spark.sql.functions.expr;
import static org.apache.spark.sql.functions.lit;
import static org.apache.spark.sql.functions.max;
import static org.apache.spark.sql.functions.sum;
import static org.apache.spark.sql.functions.window;
import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.spark.LocalSpark;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Stream;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.execution.streaming.state.RocksDBStateStoreProvider;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Each batch of a query gives what Spark's micro-batch engine gives for it, in each output mode. */
@Timeout(300)
final class BoundedEpochsSparkTest {
    /** Late rows, rows that are late only by the next watermark, a quiet source, null times and null keys. */
    private static final Script ONE = Scripts.of(
            "a@5 b@7 a@12",
            "a@3 c@25 null@8",
            "b@2 a@14 a@26|",
            "c@4 b@31 a@null b@null",
            "a@58 a@33 a@58 c@40|",
            "z@200|",
            "a@190 a@195 null@197");

    private static final Script TWO = Scripts.of(
            "a@5 b@7;a@6 c@9",
            "a@12 d@14;d@13|",
            "c@30 b@8;b@31 a@5",
            "b@32 e@28 null@34;e@29 null@33 a@35|",
            ";a@36|",
            "x@90;x@91",
            "a@60 a@88 z@200;a@61 q@60 z@200|",
            "y@201;");

    private static final String STATE_STORE = "spark.sql.streaming.stateStore.providerClass";
    private static SparkSession session;

    @BeforeAll
    static void start() {
        session = PerBatchComparison.startSession(Map.of());
    }

    @AfterAll
    static void stop() {
        LocalSpark.stop(session);
    }

    record Case(String name, String mode, Script script, Function<List<Dataset<Row>>, Dataset<Row>> query) {
        @Override
        public String toString() {
            return name + ", " + mode;
        }
    }

    static Case one(String name, String mode, Function<Dataset<Row>, Dataset<Row>> query) {
        return new Case(name, mode, ONE, inputs -> query.apply(inputs.get(0).withWatermark("ts", "10 seconds")));
    }

    static Case two(String name, String mode, Function<List<Dataset<Row>>, Dataset<Row>> query) {
        return new Case(
                name,
                mode,
                TWO,
                inputs -> query.apply(List.of(
                        renamed(inputs.get(0), "l").withWatermark("lts", "10 seconds"),
                        renamed(inputs.get(1), "r").withWatermark("rts", "5 seconds"))));
    }

    private static Dataset<Row> renamed(Dataset<Row> rows, String prefix) {
        return rows.toDF(prefix + "k", prefix + "v", prefix + "ts");
    }

    private static Dataset<Row> windows(Dataset<Row> rows) {
        return rows.groupBy(window(col("ts"), "10 seconds"), col("k")).agg(count(lit(1)), sum("v"), max("v"));
    }

    private static Dataset<Row> join(List<Dataset<Row>> sides, String type) {
        return sides.get(0)
                .join(
                        sides.get(1),
                        expr("lk = rk AND rts >= lts - interval 5 seconds AND rts <= lts + interval 10 seconds"),
                        type);
    }

    static Stream<Case> cases() {
        return Stream.of(
                one("windows", "append", BoundedEpochsSparkTest::windows),
                one("windows", "update", BoundedEpochsSparkTest::windows),
                one("windows", "complete", BoundedEpochsSparkTest::windows),
                one("session windows", "append", rows -> rows.groupBy(
                                org.apache.spark.sql.functions.session_window(col("ts"), "5 seconds"), col("k"))
                        .agg(count(lit(1)), sum("v"))),
                one("counts by key, sorted", "complete", rows -> rows.groupBy("k")
                        .agg(count(lit(1)).as("n"))
                        .orderBy(col("n").desc(), col("k"))
                        .limit(2)),
                one("one count", "update", rows -> rows.where("v > 3").agg(count(lit(1)), sum("v"))),
                one("one count", "complete", rows -> rows.where("v > 3").agg(count(lit(1)), sum("v"))),
                one("collected lists", "update", rows -> rows.groupBy("k").agg(expr("sort_array(collect_list(v))"))),
                one("first rows of keys and times", "append", rows -> rows.dropDuplicates("k", "ts")),
                one("first rows within the watermark", "append", rows -> rows.dropDuplicatesWithinWatermark("k")),
                one("distinct", "update", rows -> rows.select("k").distinct()),
                one("select distinct", "update", rows -> rows.groupBy("k")
                        .agg(Map.of())
                        .select("k")),
                one("limit", "append", rows -> rows.limit(7)),
                one("duplicates before windows", "append", rows -> windows(rows.dropDuplicates("k", "ts"))),
                one("windows of windows", "append", rows -> rows.groupBy(window(col("ts"), "5 seconds"), col("k"))
                        .agg(count(lit(1)).as("n"))
                        .groupBy(window(col("window"), "10 seconds"))
                        .agg(sum("n"))),
                one("user code", "update", Visits::mapped),
                one("user code with time-outs", "append", Visits::timedOut),
                two("inner join", "append", sides -> join(sides, "inner")),
                two("right join", "append", sides -> join(sides, "right_outer")),
                two("full join", "append", sides -> join(sides, "full_outer")),
                two("semi join", "append", sides -> join(sides, "left_semi")),
                two("join on windows", "append", sides -> sides.get(0)
                        .select(
                                col("lk"),
                                col("lv"),
                                window(col("lts"), "10 seconds").as("lw"))
                        .join(
                                sides.get(1)
                                        .select(
                                                col("rk"),
                                                col("rv"),
                                                window(col("rts"), "10 seconds").as("rw")),
                                expr("lw = rw AND lk = rk"),
                                "full_outer")),
                two("windows over a join", "append", sides -> join(sides, "inner")
                        .groupBy(window(col("lts"), "10 seconds"))
                        .agg(count(lit(1)), sum("rv"))),
                two("windows over a left join", "append", sides -> join(sides, "left_outer")
                        .groupBy(window(col("lts"), "10 seconds"))
                        .agg(count(lit(1)), count("rv"))),
                two(
                        "windows over a union",
                        "append",
                        sides -> windows(sides.get(0)
                                .toDF("k", "v", "ts")
                                .union(sides.get(1).toDF("k", "v", "ts")))));
    }

    @ParameterizedTest
    @MethodSource("cases")
    void givesWhatSparkGivesBatchByBatch(Case one) throws Exception {
        Map<Long, List<String>> given = new PerBatchComparison(session, one.mode(), one.query()).compare(one.script());

        assertThat(given.values().stream().mapToInt(List::size).sum())
                .as("rows")
                .isPositive();
    }

    @Test
    void callsAProcessorOnceForAKeyAndBatchAndItsTimersAtTheEnd() throws Exception {
        session.conf().set(STATE_STORE, RocksDBStateStoreProvider.class.getName());
        try {
            Case one = one("processor", "append", Visits::processed);
            Map<Long, List<String>> given =
                    new PerBatchComparison(session, one.mode(), one.query()).compare(one.script());

            assertThat(given.values().stream().flatMap(List::stream)).anyMatch(row -> row.contains("timer of"));
        } finally {
            session.conf().unset(STATE_STORE);
        }
    }
}
