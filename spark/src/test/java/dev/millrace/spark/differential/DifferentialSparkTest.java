package dev.millrace.spark.differential;

import dev.millrace.engine.harness.SeedRun;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Random queries give Spark's answer whatever is between their rows: epochs, restarts, failures; and in bounded
 * epochs that of its micro-batches, batch by batch. Many more than the build runs: {@code bin/differential}.
 */
class DifferentialSparkTest {
    private static final int CONTINUOUS_SEEDS = 160;
    private static final int BOUNDED_SEEDS = 40;
    private static final String SHIPPED = "millrace.deployments.shipped";
    private static Differential.Place place;

    /** Queries in real time run as a worker on another machine would run them: from bytes. */
    @BeforeAll
    static void start() throws Exception {
        System.setProperty(SHIPPED, "true");
        place = Differential.Place.of(Way.CONTINUOUS);
    }

    @AfterAll
    static void stop() {
        System.clearProperty(SHIPPED);
        place.close();
    }

    @Test
    @Timeout(900)
    void giveSparksAnswerInRealTimeOverRestartsAndFailures() throws Exception {
        check(place, Way.CONTINUOUS, CONTINUOUS_SEEDS);
    }

    @Test
    @Timeout(900)
    void giveSparksAnswerBatchByBatchInBoundedEpochs() throws Exception {
        check(place, Way.BOUNDED, BOUNDED_SEEDS);
    }

    static void check(Differential.Place place, Way way, int seeds) throws Exception {
        Differential differential = new Differential(way, place.session());
        SeedRun.Failure failure = SeedRun.of(
                        way.name(),
                        differential::check,
                        Long.getLong("simulation.from", 0),
                        Long.getLong("simulation.count", seeds),
                        Differential.THREADS)
                .run();
        if (failure != null) {
            throw new AssertionError(differential.report(failure.seed(), failure.cause()), failure.cause());
        }
    }
}
