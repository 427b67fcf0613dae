package dev.millrace.spark.plan;

import static org.apache.spark.sql.functions.broadcast;
import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.explode;
import static org.apache.spark.sql.functions.explode_outer;
import static org.apache.spark.sql.functions.expr;
import static org.apache.spark.sql.functions.from_json;
import static org.apache.spark.sql.functions.lit;
import static org.apache.spark.sql.functions.posexplode;

import dev.millrace.spark.LocalSpark;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Stream;
import org.apache.spark.api.java.function.FilterFunction;
import org.apache.spark.api.java.function.FlatMapFunction;
import org.apache.spark.api.java.function.MapFunction;
import org.apache.spark.api.java.function.MapPartitionsFunction;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.api.java.UDF1;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Stateless queries give Spark's rows, whichever kind of fragment they become. */
class StatelessSparkTest {
    private static SparkSession session;
    private static MemoryTable table;

    @BeforeAll
    static void start() {
        session = LocalSpark.start();
        session.udf().register("plus_one", (UDF1<Long, Long>) v -> v == null ? null : v + 1, DataTypes.LongType);
        table = Samples.table(session, 200, 7);
    }

    @AfterAll
    static void stop() {
        LocalSpark.stop(session);
    }

    private static Dataset<Row> dimension() {
        return session.range(20)
                .selectExpr("id as id", "id * 3 as w")
                .union(session.range(5).selectExpr("id as id", "-id as w"))
                .coalesce(1);
    }

    static Stream<Arguments> queries() {
        StructType json = new StructType().add("a", "int").add("b", "array<int>");
        List<Arguments> queries = new ArrayList<>();
        add(queries, "filter and project", t -> t.filter("v > 1").selectExpr("k + v", "upper(s)", "m * 2"));
        add(queries, "letters", t -> t.selectExpr("lower(s)", "upper(s || 'ß')", "lower(s collate UNICODE_CI)"));
        add(
                queries,
                "to_json",
                t -> t.selectExpr("to_json(struct(*))", "to_json(named_struct('m', map(coalesce(s, 'none'), v)))"));
        add(queries, "filter alone", t -> t.filter("k = 1"));
        add(queries, "filter that lets none pass", t -> t.filter("1 = 0"));
        add(queries, "no columns", t -> t.filter("k = 1").select());
        add(queries, "all columns", t -> t);
        add(queries, "function of the user", t -> t.selectExpr("plus_one(v) * 2 + plus_one(v)", "plus_one(n)"));
        add(queries, "explode", t -> t.select(col("n"), explode(col("xs"))));
        add(queries, "explode outer, posexplode", t -> t.select(
                        explode_outer(col("xs")).as("x"), col("xs"))
                .select(col("x"), posexplode(col("xs"))));
        add(queries, "json project", t -> t.select(from_json(col("j"), json).as("j"))
                .selectExpr("j.a"));
        add(queries, "json explode", t -> t.select(
                        col("n"),
                        explode(from_json(col("j"), json).getField("b")).as("x"))
                .filter("x > 0"));
        add(
                queries,
                "json explode outer",
                t -> t.select(
                        explode_outer(from_json(col("j"), json).getField("b")).as("x"), col("s")));
        add(queries, "stack", t -> t.selectExpr("n", "stack(2, k, v, n, k) as (a, b)"));
        add(queries, "json tuple", t -> t.selectExpr("n", "json_tuple(j, 'a', 'c')"));
        add(queries, "inline", t -> t.selectExpr("n", "inline(array(struct(k as a, s as b), struct(v as a, j as b)))"));
        add(queries, "higher order", t -> t.selectExpr("transform(xs, x -> x + n)", "filter(xs, x -> x > 2)"));
        add(queries, "join inner", t -> t.join(broadcast(dimension()), expr("k = id")));
        add(queries, "join left", t -> t.join(dimension(), expr("k = id and w > 1"), "left"));
        add(queries, "join semi", t -> t.join(dimension(), expr("k = id and v > w"), "left_semi"));
        add(queries, "join anti", t -> t.join(dimension(), expr("k = id"), "left_anti"));
        add(queries, "join by inequality", t -> t.filter("n < 20").join(dimension(), expr("i > w")));
        add(queries, "join left by inequality", t -> t.join(dimension(), expr("i < w and w < 0"), "left"));
        add(queries, "join cross", t -> t.filter("n < 5").crossJoin(dimension()).select("n", "id"));
        add(queries, "join with an empty table", t -> t.join(dimension().filter("id > 99"), expr("k = id")));
        add(queries, "two joins", t -> t.join(dimension().as("a"), expr("k = a.id"))
                .join(dimension().as("b"), expr("n = b.id"), "left"));
        add(queries, "in subquery", t -> {
            dimension().createOrReplaceTempView("dimension");
            return t.filter(expr("k in (select w from dimension) or v in (select w from dimension)"));
        });
        add(queries, "scalar subquery", t -> {
            dimension().createOrReplaceTempView("dimension");
            return t.filter("v > (select max(w) from dimension)").selectExpr("n", "v + (select min(w) from dimension)");
        });
        add(queries, "not exists", t -> {
            dimension().createOrReplaceTempView("dimension");
            t.createOrReplaceTempView("t");
            return session.sql("select n from t where not exists (select 1 from dimension where id = k)");
        });
        add(queries, "typed map and filter", t -> t.select("n")
                .as(Encoders.LONG())
                .filter((FilterFunction<Long>) n -> n % 3 != 0)
                .map((MapFunction<Long, String>) n -> "n" + n, Encoders.STRING()));
        add(queries, "typed flatMap", t -> t.select("n")
                .as(Encoders.LONG())
                .flatMap(
                        (FlatMapFunction<Long, Long>)
                                n -> List.of(n, -n).subList(0, (int) (n % 3)).iterator(),
                        Encoders.LONG())
                .selectExpr("value * 2 as v")
                .filter("v <> 4"));
        add(queries, "mapPartitions", t -> t.filter("n > 3")
                .select("n")
                .as(Encoders.LONG())
                .mapPartitions((MapPartitionsFunction<Long, Long>) StatelessSparkTest::doubled, Encoders.LONG())
                .map((MapFunction<Long, Long>) n -> n + 1, Encoders.LONG())
                .selectExpr("value", "value % 7"));
        add(queries, "rows as objects", t -> t.select("k", "s")
                .map(
                        (MapFunction<Row, Row>) row -> row,
                        Encoders.row(new StructType().add("k", "long").add("s", "string"))));
        add(queries, "many columns", StatelessSparkTest::manyColumns);
        add(queries, "windows without grouping", t -> t.selectExpr("n", "window(ts, '10 seconds') as w"));
        add(
                queries,
                "sliding windows without grouping",
                t -> t.selectExpr("n", "window(ts, '10 seconds', '5 seconds') as w"));
        add(queries, "null literal", t -> t.select(lit(null).cast("string"), col("n")));
        add(queries, "hint", t -> t.hint("broadcast").select("n"));
        add(queries, "coalesce", t -> t.coalesce(1).select("n"));
        add(queries, "repartition", t -> t.repartition(3).selectExpr("n + 1"));
        add(queries, "drop and rename", t -> t.drop("xs")
                .withColumnRenamed("k", "key")
                .withColumn("z", lit(1)));
        return queries.stream();
    }

    private static void add(List<Arguments> queries, String name, Function<Dataset<Row>, Dataset<?>> query) {
        queries.add(Arguments.of(name, query));
    }

    /** More than Spark fuses. */
    private static Dataset<Row> manyColumns(Dataset<Row> rows) {
        List<String> columns = new ArrayList<>();
        for (int i = 0; i < 120; i++) {
            columns.add("v + " + i + " as c" + i);
        }
        return rows.selectExpr(columns.toArray(new String[0])).filter("c3 > 5");
    }

    private static Iterator<Long> doubled(Iterator<Long> numbers) {
        List<Long> all = new ArrayList<>();
        numbers.forEachRemaining(n -> all.add(n * 2));
        return all.iterator();
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("queries")
    void givesTheRowsOfSpark(String name, Function<Dataset<Row>, Dataset<?>> query) {
        // Spark orders the rows of a join, and spreads rows, in a way of its own.
        boolean isOrdered = !name.contains("join") && !name.equals("repartition");
        Queries.checkStateless(session, table, isOrdered, query);
    }

    static Stream<Map<String, String>> settings() {
        return Stream.of(
                Map.of("spark.sql.codegen.wholeStage", "false"),
                Map.of("spark.sql.codegen.maxFields", "1"),
                Map.of("spark.sql.codegen.hugeMethodLimit", "1"),
                Map.of("spark.sql.autoBroadcastJoinThreshold", "-1"),
                Map.of("spark.sql.adaptive.enabled", "true"));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("settings")
    void givesTheRowsOfSparkWhateverIsCompiled(Map<String, String> settings) {
        settings.forEach((key, value) -> session.conf().set(key, value));
        try {
            Queries.checkStateless(session, table, true, t -> t.filter("v > 1")
                    .select(col("n"), explode(col("xs")).as("x")));
            Queries.checkStateless(session, table, true, t -> t.filter("v > 1").selectExpr("k + v", "upper(s)"));
            Queries.checkStateless(session, table, false, t -> t.join(dimension(), expr("k = id"), "left")
                    .selectExpr("n", "w"));
        } finally {
            settings.keySet().forEach(key -> session.conf().unset(key));
        }
    }
}
