package dev.millrace.spark.differential;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Random queries on two executors of a standalone master, each seen to run on both, give Spark's answer. Many more than
 * the build runs: {@code bin/differential --cluster}.
 */
class ClusterDifferentialSparkTest {
    private static final int SEEDS = 8;

    @Test
    @Timeout(900)
    void giveSparksAnswerOnTwoExecutorsOverRestartsAndFailures() throws Exception {
        try (Differential.Place place = Differential.Place.of(Way.CLUSTER)) {
            DifferentialSparkTest.check(place, Way.CLUSTER, SEEDS);
        }
    }
}
