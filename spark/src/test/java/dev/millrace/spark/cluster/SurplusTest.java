package dev.millrace.spark.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

/** When workers end that no query wants. */
class SurplusTest {
    private static final long START = -1_000;
    private final Surplus surplus = new Surplus(30, START);

    @Test
    void aWorkerThatNoQueryWantsEndsOnceItsTimeIsOver() {
        assertThat(surplus.due(3, 2, true, START + 10)).isZero();
        assertThat(surplus.due(3, 2, true, START + 29)).isZero();
        assertThat(surplus.due(3, 2, true, START + 30)).isEqualTo(1);
        assertThat(surplus.due(3, 0, true, START + 60)).isEqualTo(3);
    }

    @Test
    void itsTimeBeginsAnewWhenAQueryHasWantedItMeanwhile() {
        assertThat(surplus.due(2, 1, true, START + 20)).isZero();
        assertThat(surplus.due(2, 2, true, START + 25)).isZero();
        assertThat(surplus.due(2, 1, true, START + 54)).isZero();
        assertThat(surplus.due(2, 1, true, START + 55)).isEqualTo(1);
    }

    @Test
    void noneEndsWhileNobodyKnowsWhichAreWanted() {
        assertThat(surplus.due(2, 1, false, START + 100)).isZero();
        assertThat(surplus.due(2, 1, true, START + 129)).isZero();
        assertThat(surplus.due(2, 1, true, START + 130)).isEqualTo(1);
    }
}
