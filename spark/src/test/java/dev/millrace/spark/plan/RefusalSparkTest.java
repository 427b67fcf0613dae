package dev.millrace.spark.plan;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.current_timestamp;
import static org.apache.spark.sql.functions.expr;
import static org.apache.spark.sql.functions.session_window;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.spark.LocalSpark;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.stream.Stream;
import org.apache.spark.api.java.function.MapFunction;
import org.apache.spark.api.java.function.MapGroupsFunction;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.streaming.OutputMode;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** What does not run is refused before it starts, by name, and with what to do instead. */
class RefusalSparkTest {
    private static SparkSession session;
    private static MemoryTable table;
    private static MemoryTable other;

    @BeforeAll
    static void start() {
        session = LocalSpark.start();
        table = Samples.table(session, 10, 1);
        other = Samples.table(session, 10, 2);
    }

    @AfterAll
    static void stop() {
        LocalSpark.stop(session);
    }

    static Stream<Arguments> operators() {
        List<Arguments> operators = new ArrayList<>();
        add(operators, "session windows without keys", t -> t.withWatermark("ts", "1 second")
                .groupBy(session_window(col("ts"), "5 seconds"))
                .count());
        add(operators, "session windows in update mode", t -> t.withWatermark("ts", "1 second")
                .groupBy(session_window(col("ts"), "5 seconds"), col("k"))
                .count());
        add(
                operators,
                "aggregation over an aggregation",
                t -> t.groupBy("k", "i").count().groupBy("k").count());
        add(operators, "a limit on a stream", t -> t.limit(3));
        add(operators, "a sort of a stream", t -> t.orderBy("k"));
        add(operators, "an offset on a stream", t -> t.offset(3));
        add(operators, "a sort of a stream", t -> t.sortWithinPartitions("k"));
        add(operators, "distinct aggregates", t -> t.agg(expr("count(distinct k)")));
        add(operators, "operator=MapGroups", RefusalSparkTest::stateless);
        add(operators, "grouping by the present time", t -> t.groupBy(current_timestamp())
                .count());
        add(operators, "a second watermark on the same rows", t -> t.withWatermark("ts", "1 second")
                .withWatermark("ts", "2 seconds"));
        add(operators, "a union of a stream and a table", t -> t.union(table.asTable()));
        add(operators, "operator=RepartitionByExpression", t -> t.repartitionByRange(3, col("k")));
        add(operators, "operator=Sample", t -> t.sample(0.5));
        add(operators, "operator=Window", t -> t.selectExpr("sum(v) over (partition by k)"));
        add(operators, "operator=Intersect", t -> t.select("k")
                .intersect(other.asTable().select("k")));
        return operators.stream();
    }

    private static void add(List<Arguments> operators, String named, Function<Dataset<Row>, Dataset<?>> query) {
        operators.add(Arguments.of(named, query));
    }

    private static Dataset<?> stateless(Dataset<Row> rows) {
        return rows.select("n")
                .as(Encoders.LONG())
                .groupByKey((MapFunction<Long, Long>) n -> n, Encoders.LONG())
                .mapGroups((MapGroupsFunction<Long, Long, Long>) (key, values) -> key, Encoders.LONG());
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("operators")
    void refusesTheOperatorByName(String named, Function<Dataset<Row>, Dataset<?>> query) {
        Dataset<?> refused = query.apply(table.asStream(0));

        assertThatThrownBy(() -> QueryPlanner.check(session, Queries.analyzed(refused), OutputMode.Update()))
                .isInstanceOfSatisfying(
                        MillraceException.class, failure -> org.assertj.core.api.Assertions.assertThat(failure.code())
                                .isEqualTo(ErrorCode.UNSUPPORTED_OPERATOR))
                .hasMessageContaining(named)
                .hasMessageContaining("spark.millrace.enabled=false");
        assertThatThrownBy(() -> Queries.plan(session, refused, OutputMode.Update(), table, other))
                .isInstanceOf(MillraceException.class);
    }

    @Test
    void refusesOutputModesThatDoNotFit() {
        assertThatThrownBy(() -> Queries.plan(session, table.asStream(0), OutputMode.Complete(), table))
                .hasMessageContaining("MILLRACE_UNSUPPORTED_OUTPUT_MODE");
        assertThatThrownBy(() ->
                        Queries.plan(session, table.asStream(0).groupBy("k").count(), OutputMode.Append(), table))
                .as("Spark's own refusal: no watermark says when a key has its last row")
                .hasMessageContaining("without watermark");
        assertThatThrownBy(() -> Queries.plan(
                        session,
                        table.asStream(0).groupBy("k").count().groupBy("count").count(),
                        OutputMode.Complete(),
                        table))
                .hasMessageContaining("aggregation over an aggregation");
    }

    @Test
    void refusesKeysThatAreNotComparedByTheirBytes() {
        Dataset<Row> query =
                table.asStream(0).groupBy(expr("collate(s, 'UTF8_LCASE') as c")).count();

        assertThatThrownBy(() -> Queries.plan(session, query, OutputMode.Update(), table))
                .hasMessageContaining("MILLRACE_UNSUPPORTED_OPERATOR")
                .hasMessageContaining("type=STRING COLLATE UTF8_LCASE");
    }

    @Test
    void leavesTheUsersSessionAsItWas() {
        List<String> before = settings();
        Queries.plan(session, table.asStream(0).groupBy("k").count(), OutputMode.Update(), table);

        org.assertj.core.api.Assertions.assertThat(settings()).isEqualTo(before);
    }

    private static List<String> settings() {
        List<String> all = new ArrayList<>();
        dev.millrace.spark.scala.Scala.map(session.conf().getAll()).forEach((key, value) -> all.add(key + "=" + value));
        all.sort(null);
        return all;
    }
}
