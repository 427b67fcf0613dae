package dev.millrace.spark.differential;

import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Random queries on two executors of a standalone master, each seen to run on both, give Spark's answer. Many more than
 * the build runs: {@code bin/differential --cluster}.
 */
class ClusterDifferentialSparkTest {
    private static final int CONTINUOUS_SEEDS = 5;
    private static final int BOUNDED_SEEDS = 3;
    private static Differential.Place place;

    @BeforeAll
    static void start() throws Exception {
        place = Differential.Place.of(Way.CLUSTER);
    }

    @AfterAll
    static void stop() {
        place.close();
    }

    @Test
    @Timeout(900)
    void giveSparksAnswerOnTwoExecutorsOverRestartsAndFailures() throws Exception {
        DifferentialSparkTest.check(place, Way.CLUSTER, CONTINUOUS_SEEDS);
    }

    @Test
    @Timeout(900)
    void giveSparksAnswerBatchByBatchOnTwoExecutors() throws Exception {
        DifferentialSparkTest.check(place, Way.CLUSTER_BOUNDED, BOUNDED_SEEDS);
    }
}
