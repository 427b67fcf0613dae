package dev.millrace.spark.plan;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.expr;
import static org.apache.spark.sql.functions.udaf;
import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.engine.operator.Aggregate;
import dev.millrace.engine.operator.KeyedAggregateFactory;
import dev.millrace.spark.LocalSpark;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.stream.Stream;
import org.apache.spark.api.java.function.MapFunction;
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
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The last row for each key is Spark's answer, also after snapshots and restores between any two rows. */
class AggregationSparkTest {
    private static SparkSession session;
    private static MemoryTable table;

    @BeforeAll
    static void start() {
        session = LocalSpark.start();
        session.udf().register("geometric_mean", udaf(new GeometricMean(), Encoders.LONG()));
        table = Samples.table(session, 300, 11);
    }

    @AfterAll
    static void stop() {
        LocalSpark.stop(session);
    }

    /** A user's aggregate with an object for a buffer. */
    public static final class GeometricMean extends Aggregator<Long, double[], Double> {
        private static final long serialVersionUID = 1L;

        @Override
        public double[] zero() {
            return new double[2];
        }

        @Override
        public double[] reduce(double[] buffer, Long value) {
            buffer[0] += Math.log(Math.abs(value == null ? 1 : value) + 1.0);
            buffer[1]++;
            return buffer;
        }

        @Override
        public double[] merge(double[] left, double[] right) {
            left[0] += right[0];
            left[1] += right[1];
            return left;
        }

        @Override
        public Double finish(double[] buffer) {
            return Math.exp(buffer[0] / buffer[1]);
        }

        @Override
        public Encoder<double[]> bufferEncoder() {
            return Encoders.kryo(double[].class);
        }

        @Override
        public Encoder<Double> outputEncoder() {
            return Encoders.DOUBLE();
        }
    }

    /** One function, or several over one buffer, per group of columns. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "count(1)",
                "count(v, s)",
                "sum(v)",
                "sum(i)",
                "sum(d)",
                "sum(m)",
                "avg(v)",
                "avg(m)",
                "min(v); max(v); min(d); max(d); min(m); max(day)",
                "min(s); max(s); max(ts)",
                "first(v); last(v); last(n, true)",
                "any_value(n); bool_and(v > 0); bool_or(v > 900)",
                "stddev(v); var_pop(d); skewness(v); kurtosis(v); corr(v, n); covar_samp(v, n)",
                "regr_slope(v, n); regr_count(v, n)",
                "max_by(s, n); min_by(v, n)",
                "bit_and(v); bit_or(v); bit_xor(v)",
                "count_if(v > 3)",
                "try_sum(v); try_avg(v)",
                "approx_count_distinct(v)",
                "approx_count_distinct(s, 0.01); sum(v)",
                "collect_list(v)",
                "collect_list(s); count(1)",
                "array_agg(struct(n, s))",
                "sort_array(collect_set(v % 7))",
                "percentile_approx(v, 0.5)",
                "percentile_approx(v, array(0.1, 0.9), 1000)",
                "percentile(v, 0.25); median(v)",
                "mode(i, true)",
                "histogram_numeric(v, 5)",
                "hll_sketch_estimate(hll_sketch_agg(v))",
                "bitmap_construct_agg(bitmap_bit_position(n))",
                "hex(count_min_sketch(v, 0.1d, 0.9d, 7))",
                "string_agg(s, ',')",
                "geometric_mean(v)",
                "sum(v) filter (where v % 2 = 0); count(1) filter (where s is not null)",
                "collect_list(v) filter (where v < 10); approx_count_distinct(v) filter (where v > 10)",
                "sum(v) + count(1) * 2 as x; sum(v) / nullif(count(v), 0)",
                "map_from_entries(array_sort(collect_list(struct(n, v))))",
                "sum(case when v > 0 then d end); max(length(s)); sum(n * 2 + i)",
                "sum(v); avg(v); count(1); max(s); approx_count_distinct(v); collect_list(v); percentile_approx(v, 0.5);"
                        + "geometric_mean(v); stddev(v); first(s); max_by(s, v)"
            })
    void givesSparksAnswerForEachKey(String functions) {
        List<Column> columns = new ArrayList<>();
        for (String function : functions.split(";", -1)) {
            columns.add(expr(function.strip()));
        }
        Column first = columns.remove(0);
        Column[] others = columns.toArray(new Column[0]);
        Queries.checkAggregation(session, table, 1, 5, t -> t.groupBy("k").agg(first, others));
        Queries.checkAggregation(session, table, 0, 6, t -> t.agg(first, others));
    }

    static Stream<Arguments> queries() {
        List<Arguments> queries = new ArrayList<>();
        add(queries, "several keys", 3, t -> t.groupBy("k", "i", "s").count());
        add(queries, "keys of 8 bytes", 2, t -> t.groupBy("k", "ts").agg(expr("sum(v)")));
        add(queries, "fraction as key", 1, t -> t.groupBy("d").count());
        add(queries, "fraction within a key", 1, t -> t.groupBy(expr("struct(d, i) as x"))
                .count());
        add(queries, "wide decimal as key", 1, t -> t.groupBy("m").agg(expr("max(n)")));
        add(queries, "array as key", 1, t -> t.groupBy("xs").count());
        add(queries, "date as key", 1, t -> t.groupBy("day").agg(expr("sum(v)")));
        add(queries, "expression as key", 1, t -> t.groupBy(expr("v % 10 as x")).agg(expr("sum(v)"), expr("x + 1")));
        add(queries, "expression over key and result", 1, t -> t.groupBy("k")
                .agg(expr("sum(v) + k as y"), expr("'z'")));
        add(queries, "no function", 1, t -> t.groupBy("k").agg(expr("k + 1 as l")));
        add(queries, "same function twice", 1, t -> t.groupBy("k").agg(expr("sum(v) a"), expr("sum(v) b")));
        add(queries, "count of rows without columns", 0, t -> t.agg(expr("count(1)")));
        add(queries, "filter before", 1, t -> t.filter("v > 100").groupBy("k").agg(expr("sum(v)")));
        add(queries, "explode before", 1, t -> t.selectExpr("explode(xs) as x", "n")
                .groupBy("x")
                .agg(expr("sum(n)")));
        add(queries, "join before", 1, AggregationSparkTest::joined);
        add(queries, "map before", 1, t -> t.select("n")
                .as(Encoders.LONG())
                .map((MapFunction<Long, Long>) n -> n % 7, Encoders.LONG())
                .groupBy("value")
                .count());
        add(queries, "typed", 1, t -> t.select("n")
                .as(Encoders.LONG())
                .groupByKey((MapFunction<Long, Long>) n -> n % 5, Encoders.LONG())
                .count()
                .toDF("key", "count"));
        add(queries, "projection after", 1, t -> t.groupBy("k").count().selectExpr("k * 2", "count + 1", "k is null"));
        add(queries, "explode after", 2, t -> t.groupBy("k")
                .agg(expr("max(n) as n"))
                .selectExpr("k", "explode(array(1, 2)) as e", "n"));
        add(queries, "join after", 1, t -> t.groupBy("k")
                .agg(expr("max(n) as n"))
                .join(session.range(100).toDF("id"), expr("k = id"), "left"));
        add(queries, "random results", 1, t -> t.groupBy("k")
                .agg(expr("sum(v) as x"))
                .selectExpr("k", "x", "rand(3) * 0"));
        add(queries, "cube", 3, t -> t.withColumn("i", expr("i % 2"))
                .cube("k", "i")
                .agg(expr("grouping_id() as g"), expr("sum(v)")));
        add(queries, "rollup", 3, t -> t.rollup("day", "i").agg(expr("grouping_id() as g"), expr("sum(v)")));
        add(queries, "grouped twice by repartition", 1, t -> t.repartition(Queries.KEY_GROUPS, col("k"))
                .groupBy("k")
                .count());
        add(queries, "coalesced", 0, t -> t.coalesce(1).agg(expr("sum(v)")));
        add(queries, "window", 2, t -> t.groupBy(expr("window(ts, '10 seconds') as w"), col("k"))
                .agg(expr("sum(v)")));
        add(queries, "sliding window", 1, t -> t.groupBy(expr("window(ts, '60 seconds', '10 seconds') as w"))
                .agg(expr("count(1)"), expr("avg(v)"), expr("approx_count_distinct(s)")));
        add(queries, "window's parts", 2, t -> t.groupBy(expr("window(ts, '10 seconds') as w"))
                .agg(expr("sum(v) as v"))
                .selectExpr("w.start", "w.end", "v"));
        add(queries, "window time", 1, t -> t.groupBy(expr("window(ts, '10 seconds')"))
                .count()
                .selectExpr("window_time(window)", "count"));
        add(queries, "having", 1, t -> t.groupBy("k").agg(expr("max(n) as x")).filter("x > 100"));
        return queries.stream();
    }

    private static Dataset<Row> joined(Dataset<Row> rows) {
        return rows.join(session.range(20).selectExpr("id", "id % 3 as g"), expr("k = id"))
                .groupBy("g")
                .agg(expr("sum(v)"), expr("max(s)"));
    }

    private static void add(
            List<Arguments> queries, String name, int keyCount, Function<Dataset<Row>, Dataset<?>> query) {
        queries.add(Arguments.of(name, keyCount, query));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("queries")
    void givesSparksAnswer(String name, int keyCount, Function<Dataset<Row>, Dataset<?>> query) {
        Queries.checkAggregation(session, table, keyCount, 3, query);
    }

    @Test
    void givesSparksAnswerWithoutCodeOfItsOwn() {
        session.conf().set("spark.sql.codegen.wholeStage", "false");
        try {
            Queries.checkAggregation(session, table, 1, 4, t -> t.groupBy("k")
                    .agg(expr("sum(v)"), expr("sum(m)"), expr("avg(d) + k"), expr("count(s) filter (where v > 3)")));
        } finally {
            session.conf().unset("spark.sql.codegen.wholeStage");
        }
    }

    @Test
    void takesRowsInTheirOrder() {
        Dataset<?> query = table.asStream(0).agg(expr("first(s, true)"), expr("last(n)"), expr("collect_list(n)"));
        List<String> rows = Queries.run(session, query, Queries.treatments(9).get("adversity, seed=9"), table);
        String numbers =
                java.util.stream.LongStream.range(0, 300).boxed().toList().toString();
        String first =
                table.asTable().filter("s is not null").orderBy("n").head().getAs("s");
        assertThat(rows.get(rows.size() - 1)).isEqualTo("[" + first + ", 299, " + numbers + "]");
    }

    @Test
    void changesFixedBuffersInPlaceAndKeepsOthersAsObjects() {
        assertThat(aggregate("sum(v)", "sum(m)", "approx_count_distinct(s)", "avg(d)"))
                .isInstanceOf(Aggregate.InBytes.class);
        assertThat(aggregate("sum(v)", "max(s)")).isInstanceOf(Aggregate.InObjects.class);
        assertThat(aggregate("collect_list(v)")).isInstanceOf(Aggregate.InObjects.class);
    }

    @Test
    void estimatesWhatObjectsTake() {
        Aggregate.InObjects lists = (Aggregate.InObjects) aggregate("collect_list(n)");
        Object buffer = lists.newBuffer();
        long empty = lists.estimatedBytes(buffer);
        assertThat(empty).isPositive().isLessThan(1000);
    }

    private static Aggregate aggregate(String... functions) {
        List<Column> columns = new ArrayList<>();
        for (String function : functions) {
            columns.add(expr(function));
        }
        Column first = columns.remove(0);
        Dataset<Row> query = table.asStream(0).groupBy("k").agg(first, columns.toArray(new Column[0]));
        PlannedQuery planned = Queries.plan(session, query, OutputMode.Update(), table);
        KeyedAggregateFactory factory = (KeyedAggregateFactory) Plans.operators(planned).stream()
                .filter(operator -> operator instanceof KeyedAggregateFactory)
                .findFirst()
                .orElseThrow();
        return factory.aggregates().get();
    }
}
