package dev.millrace.spark.plan;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.expr;

import dev.millrace.spark.LocalSpark;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.stream.Stream;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.classic.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** The table that an epoch gives in complete mode is Spark's answer to all rows so far. */
class CompleteModeSparkTest {
    private static SparkSession session;
    private static MemoryTable table;

    @BeforeAll
    static void start() {
        session = LocalSpark.start();
        table = Samples.table(session, 300, 6);
    }

    @AfterAll
    static void stop() {
        LocalSpark.stop(session);
    }

    static Stream<Arguments> queries() {
        List<Arguments> queries = new ArrayList<>();
        add(queries, "counts", false, rows -> rows.groupBy("k").count());
        add(queries, "without keys", false, rows -> rows.agg(expr("count(1)"), expr("max(s)")));
        add(queries, "with a projection and a filter above", false, rows -> rows.groupBy("k", "i")
                .agg(expr("sum(v) as total"), expr("sort_array(collect_list(n)) as all"))
                .filter("total > 10")
                .selectExpr("k + 1", "all"));
        add(queries, "windows that a watermark has passed", false, rows -> rows.withWatermark("ts", "1 second")
                .groupBy(expr("window(ts, '10 seconds')"))
                .count());
        add(queries, "distinct", false, CompleteModeSparkTest::distinct);
        add(queries, "sorted", true, rows -> rows.groupBy("k")
                .count()
                .orderBy(col("count").desc(), col("k")));
        add(queries, "sorted with nulls last and by an expression", true, rows -> rows.groupBy("i", "s")
                .agg(expr("sum(v) as total"))
                .orderBy(expr("total % 7").asc_nulls_last(), col("i"), col("s").desc()));
        add(queries, "the first of a sorted table", true, rows -> rows.groupBy("s")
                .agg(expr("sum(v) as total"))
                .orderBy(col("total").desc(), col("s"))
                .limit(5));
        add(queries, "sorted, cut, and chosen from", true, rows -> rows.groupBy("s")
                .agg(expr("sum(v) as total"))
                .orderBy(col("total").desc(), col("s"))
                .limit(5)
                .select("s"));
        add(queries, "a limit that is larger than the table", false, rows -> rows.groupBy("k")
                .count()
                .limit(1_000));
        add(queries, "a limit below, which counts all rows", false, rows -> rows.limit(40)
                .groupBy("k")
                .count());
        return queries.stream();
    }

    private static void add(
            List<Arguments> queries, String name, boolean isOrdered, Function<Dataset<Row>, Dataset<?>> query) {
        queries.add(Arguments.of(name, isOrdered, query));
    }

    /** In SQL it is an aggregation; the method of a Dataset is a deduplication. */
    private static Dataset<Row> distinct(Dataset<Row> rows) {
        rows.createOrReplaceTempView("distinct_rows");
        return session.sql("select distinct k, i from distinct_rows");
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("queries")
    void givesSparksTable(String name, boolean isOrdered, Function<Dataset<Row>, Dataset<?>> query) {
        Queries.checkComplete(session, table, isOrdered, query);
    }
}
