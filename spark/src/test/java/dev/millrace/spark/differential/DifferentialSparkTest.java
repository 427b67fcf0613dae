package dev.millrace.spark.differential;

import dev.millrace.engine.harness.SeedRun;
import dev.millrace.spark.LocalSpark;
import org.apache.spark.sql.classic.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Random queries give Spark's answer whatever is between their rows: epochs, restarts, failures. Many more
 * than the build runs: {@code bin/differential}.
 */
class DifferentialSparkTest {
    private static final int SEEDS = 100;
    private static SparkSession session;

    @BeforeAll
    static void start() {
        session = Differential.start();
    }

    @AfterAll
    static void stop() {
        LocalSpark.stop(session);
    }

    @Test
    @Timeout(600)
    void giveSparksAnswer() throws Exception {
        Differential differential = new Differential(session);
        SeedRun.Failure failure = SeedRun.of(
                        "cases",
                        differential::check,
                        Long.getLong("simulation.from", 0),
                        Long.getLong("simulation.count", SEEDS),
                        Differential.THREADS)
                .run();
        if (failure != null) {
            throw new AssertionError(differential.report(failure.seed(), failure.cause()), failure.cause());
        }
    }
}
