package dev.millrace.spark.plan;

import dev.millrace.spark.LocalSpark;
import java.util.stream.LongStream;
import org.apache.spark.sql.classic.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Random queries over random rows give Spark's answer, each operator alone under the harness that fills its
 * output and starts it again from its snapshot: every row of a stateless query, the last row for
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
    void giveSparksAnswerInAppendMode(long seed) {
        MemoryTable table = Samples.closed(session, 300, seed + 2000);
        RandomQuery query = RandomQuery.appending(session, seed + 2000);
        System.out.println("seed=" + seed + ": " + query);

        Queries.checkAppend(session, table, seed, query::apply);
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
