package dev.millrace.spark.plan;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.spark.LocalSpark;
import dev.millrace.spark.RowTexts;
import java.util.List;
import java.util.stream.LongStream;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.streaming.OutputMode;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Random joins of streams give Spark's batch answer on the runtime, whichever side is read faster. Seeds
 * replay with {@code -Dmillrace.test.seeds=FROM-TO}.
 */
class RandomJoinsPropertySparkTest {
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
        return RandomQueriesPropertySparkTest.seeds();
    }

    @ParameterizedTest
    @MethodSource("seeds")
    @Timeout(60)
    void giveSparksAnswer(long seed) throws Exception {
        RandomJoin query = new RandomJoin(seed);
        System.out.println("seed=" + seed + ": " + query);
        MemoryTable[] tables = new MemoryTable[query.tableCount()];
        for (int i = 0; i < tables.length; i++) {
            tables[i] = Joins.table(session, 120, seed * 10 + i);
        }
        if (query.isAggregated()) {
            List<String> actual = Joins.withoutClosing(Joins.run(session, OutputMode.Update(), query, tables));
            List<String> expected = Joins.withoutClosing(Joins.batch(query, tables));
            assertThat(RowTexts.lastByKey(actual, 1)).isEqualTo(RowTexts.lastByKey(expected, 1));
        } else {
            Joins.check(session, OutputMode.Append(), query, tables);
        }
    }
}
