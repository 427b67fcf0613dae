package dev.millrace.engine.metrics;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.engine.metrics.StepClock.Phase;
import org.junit.jupiter.api.Test;

final class StepClockTest {
    private final StepClock clock = new StepClock();

    @Test
    void countsWorkAndWaitingAtAFullOutput() {
        clock.enter(Phase.BUSY, 100);
        clock.enter(Phase.IDLE, 130);
        clock.enter(Phase.BUSY, 200);
        clock.enter(Phase.BACK_PRESSURED, 205);
        clock.enter(Phase.IDLE, 305);

        assertThat(clock.times(1_000)).isEqualTo(new StepClock.Times(35, 100, 1_000));
    }

    @Test
    void countsWhatIsUnderWay() {
        clock.enter(Phase.BUSY, 100);
        assertThat(clock.times(150)).isEqualTo(new StepClock.Times(50, 0, 150));

        clock.enter(Phase.BACK_PRESSURED, 160);
        assertThat(clock.times(200)).isEqualTo(new StepClock.Times(60, 40, 200));
    }

    @Test
    void isReadWholeWhileItIsWritten() throws Exception {
        int steps = 200_000;
        Thread writer = new Thread(() -> {
            for (int i = 0; i < steps; i++) {
                clock.enter(Phase.BUSY, i * 10L);
                clock.enter(Phase.BACK_PRESSURED, i * 10L + 5);
            }
        });
        writer.start();
        while (writer.isAlive()) {
            StepClock.Times times = clock.times(0); // so that nothing is under way
            assertThat(times.busyNanos() - times.backPressuredNanos()).isBetween(0L, 5L);
        }
        writer.join();
        assertThat(clock.times(steps * 10L)).isEqualTo(new StepClock.Times(steps * 5L, steps * 5L, steps * 10L));
    }
}
