package dev.millrace.spark.plan;

import static org.apache.spark.sql.functions.expr;
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

/** Duplicates go as in Spark. Which row of a key stays, a batch leaves open; here it is the first. */
class DeduplicationSparkTest {
    private static final String NEVER_LATE = "1 hour";
    private static SparkSession session;
    private static MemoryTable table;

    @BeforeAll
    static void start() {
        session = LocalSpark.start();
        table = Samples.table(session, 300, 5);
    }

    @AfterAll
    static void stop() {
        LocalSpark.stop(session);
    }

    static Stream<Arguments> queries() {
        List<Arguments> queries = new ArrayList<>();
        add(queries, "one key", rows -> rows.dropDuplicates("k").select("k"));
        add(queries, "several keys of many types", rows -> rows.dropDuplicates("i", "s", "day", "m", "xs")
                .select("i", "s", "day", "m", "xs"));
        add(queries, "fractions, of which zeros and NaNs are each the same", rows -> rows.dropDuplicates("d")
                .select("d"));
        add(queries, "fractions in a struct", rows -> rows.selectExpr("struct(d, k) as dk", "n")
                .dropDuplicates("dk")
                .select("dk"));
        add(queries, "all columns", rows -> rows.select("k", "i").dropDuplicates());
        add(queries, "distinct", rows -> rows.select("k", "d", "xs").distinct());
        add(queries, "distinct in SQL", rows -> {
            rows.createOrReplaceTempView("distinct_rows");
            return session.sql("select distinct k + 1, d, xs from distinct_rows");
        });
        add(queries, "distinct, then a projection", rows -> rows.select("k", "i")
                .distinct()
                .selectExpr("k + i"));
        add(queries, "the event time among the keys", rows -> rows.withWatermark("ts", NEVER_LATE)
                .selectExpr("k", "date_trunc('minute', ts) as minute", "ts", "n")
                .dropDuplicates("k", "ts")
                .select("k", "ts"));
        add(queries, "one key, beside an event time", rows -> rows.withWatermark("ts", NEVER_LATE)
                .dropDuplicates("s")
                .select("s"));
        add(queries, "twice, by other keys", rows -> rows.dropDuplicates("k", "i")
                .select("k")
                .dropDuplicates("k"));
        return queries.stream();
    }

    private static void add(List<Arguments> queries, String name, Function<Dataset<Row>, Dataset<?>> query) {
        queries.add(Arguments.of(name, query));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("queries")
    void keepsWhatSparkKeeps(String name, Function<Dataset<Row>, Dataset<?>> query) {
        Queries.checkStateless(session, table, false, query);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("queries")
    void keepsWhatSparkKeepsInAppendModeToo(String name, Function<Dataset<Row>, Dataset<?>> query) {
        if (!name.contains("SQL")) { // an aggregation, which wants a watermark then
            Queries.checkAppend(session, table, 7, query);
        }
    }

    /** Spark has no batch to compare with; without late rows and within the delay it is a plain deduplication. */
    @Test
    void dropsDuplicatesWithinTheWatermarksDelay() {
        List<String> expected = Queries.batch(table.asTable().select("s").distinct());
        Queries.treatments(3).forEach((name, treatment) -> assertThat(Queries.run(
                        session,
                        table.asStream(0)
                                .withWatermark("ts", NEVER_LATE)
                                .dropDuplicatesWithinWatermark("s")
                                .select("s"),
                        treatment,
                        table))
                .as(name)
                .containsExactlyInAnyOrderElementsOf(expected));
    }

    @Test
    void givesFirstRowsInTheirOrder() {
        PlannedQuery planned =
                Queries.plan(session, table.asStream(0).dropDuplicates("k", "i"), OutputMode.Append(), table);
        assertThat(planned.explain(false)).contains("Deduplicate[keys=k, i] <- hash(k, i)");
        List<String> rows = Queries.run(
                session,
                table.asStream(0).dropDuplicates("k", "i").select("n"),
                (harness, events) -> harness.run(events),
                table);
        assertThat(rows)
                .containsExactlyElementsOf(Queries.batch(table.asTable()
                        .groupBy("k", "i")
                        .agg(expr("min(n) as n"))
                        .orderBy("n")
                        .select("n")));
    }
}
