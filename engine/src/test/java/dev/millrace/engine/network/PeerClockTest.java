package dev.millrace.engine.network;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class PeerClockTest {
    private final PeerClock clock = new PeerClock();

    @Test
    void takesWhateverItHearsForNowBeforeTheFirstAnswer() {
        assertThat(clock.local(-5, 1000)).isEqualTo(1000);
    }

    @Test
    void goesByTheShortestOfTheLastRoundTrips() {
        clock.answered(1000, 50_000_900, 2000); // slow on its way back
        clock.answered(3000, 50_003_050, 3100); // the peer is 50,000,000 ahead
        assertThat(clock.local(50_002_000, 4000)).isEqualTo(2000);
    }

    @Test
    void forgetsWhatIsLongAgoBecauseClocksDrift() {
        clock.answered(0, 1_000_010, 20);
        for (int i = 0; i < 8; i++) {
            long asked = 10_000 + i * 100;
            clock.answered(asked, asked + 2_000_050, asked + 100);
        }
        assertThat(clock.local(2_010_000, 20_000)).isEqualTo(10_000);
    }

    @Test
    void seesNothingInTheFuture() {
        clock.answered(0, 5_000, 0);
        assertThat(clock.local(9_000, 3_000)).isEqualTo(3_000);
    }

    @Test
    void worksWhereTheNanosecondsOfEitherSideOverflow() {
        long near = Long.MAX_VALUE - 10;
        long far = Long.MIN_VALUE + 50;
        clock.answered(near, far + 5, near + 10);
        assertThat(clock.local(far, near + 20)).isEqualTo(near);
    }
}
