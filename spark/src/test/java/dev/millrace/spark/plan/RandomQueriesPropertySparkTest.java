package dev.millrace.spark.plan;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.spark.LocalSpark;
import dev.millrace.spark.RowTexts;
import java.util.List;
import java.util.stream.LongStream;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.streaming.OutputMode;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Random queries over random rows give Spark's answer: every row of a stateless query, the last row for
 * each key of an aggregation in update mode, exactly the closed rows in append mode, the last table in
 * complete mode. Seeds replay with {@code -Dmillrace.test.seeds=FROM-TO}.
 */
class RandomQueriesPropertySparkTest {
    private static SparkSession session;

    @BeforeAll
    static void start() {
        session = LocalSpark.start();
    }

    @AfterAll
    static void stop() {
        LocalSpark.stop(session);
    }

    static LongStream seeds() {
        String[] range = System.getProperty("millrace.test.seeds", "1-16").split("-", 2);
        return LongStream.rangeClosed(Long.parseLong(range[0]), Long.parseLong(range[1]));
    }

    @ParameterizedTest
    @MethodSource("seeds")
    void giveSparksAnswerOperatorByOperator(long seed) {
        MemoryTable table = Samples.table(session, 150, seed);
        RandomQuery query = new RandomQuery(session, seed);
        System.out.println("seed=" + seed + ": " + query);

        if (query.isAggregation()) {
            Queries.checkAggregation(session, table, query.keyCount(), seed, query::apply);
        } else {
            Queries.checkStateless(session, table, false, query::apply);
        }
    }

    @ParameterizedTest
    @MethodSource("seeds")
    void giveSparksAnswerOnTheRuntime(long seed) throws Exception {
        MemoryTable table = Samples.table(session, 400, seed + 1000);
        RandomQuery query = new RandomQuery(session, seed + 1000);
        System.out.println("seed=" + seed + ": " + query);
        PlannedQuery planned = Queries.plan(session, query.apply(table.asStream(0)), OutputMode.Update(), table);
        List<String> actual = Queries.texts(
                DataflowRunner.run(session, planned, 400),
                query.apply(table.asStream(0)).schema());
        List<String> expected = Queries.batch(query.apply(table.asTable()));

        if (query.isAggregation()) {
            assertThat(RowTexts.lastByKey(actual, query.keyCount()))
                    .containsExactlyInAnyOrderEntriesOf(RowTexts.lastByKey(expected, query.keyCount()));
        } else {
            assertThat(actual).containsExactlyInAnyOrderElementsOf(expected);
        }
    }

    @ParameterizedTest
    @MethodSource("seeds")
    void giveSparksAnswerInAppendMode(long seed) throws Exception {
        MemoryTable table = Samples.closed(session, 300, seed + 2000);
        RandomQuery query = RandomQuery.appending(session, seed + 2000);
        System.out.println("seed=" + seed + ": " + query);
        Queries.checkAppend(session, table, seed, query::apply);

        Dataset<Row> streaming = query.apply(table.asStream(0));
        PlannedQuery planned = Queries.plan(session, streaming, OutputMode.Append(), table);
        assertThat(Queries.texts(DataflowRunner.run(session, planned, 301), streaming.schema()))
                .containsExactlyInAnyOrderElementsOf(Queries.batch(query.apply(table.asTable())));
    }

    @ParameterizedTest
    @MethodSource("seeds")
    void giveSparksAnswerInCompleteMode(long seed) {
        MemoryTable table = Samples.table(session, 150, seed + 3000);
        RandomQuery query = RandomQuery.complete(session, seed + 3000);
        System.out.println("seed=" + seed + ": " + query);

        Queries.checkComplete(session, table, false, query::apply);
    }
}
