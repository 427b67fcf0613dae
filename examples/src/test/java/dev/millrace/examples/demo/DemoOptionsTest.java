package dev.millrace.examples.demo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;

class DemoOptionsTest {
    @Test
    void runsUntilStoppedAtAThousandASecondWhenNothingIsAsked() {
        assertThat(DemoOptions.parse(List.of())).isEqualTo(new DemoOptions(0, 1_000, false, true));
    }

    @Test
    void takesAllOptionsInAnyOrder() {
        assertThat(DemoOptions.parse(List.of("--keep", "--no-ui", "--rate", "50", "--seconds", "8")))
                .isEqualTo(new DemoOptions(8, 50, true, false));
    }

    @Test
    void leavesAQuarterOfAShortRunOutOfThePercentiles() {
        assertThat(new DemoOptions(8, 1, false, true).warmUpSeconds()).isEqualTo(2);
        assertThat(new DemoOptions(300, 1, false, true).warmUpSeconds()).isEqualTo(10);
        assertThat(new DemoOptions(0, 1, false, true).warmUpSeconds()).isEqualTo(10);
    }

    @Test
    void refusesWhatItDoesNotUnderstand() {
        assertThatThrownBy(() -> DemoOptions.parse(List.of("--rate", "fast"))).hasMessageContaining("--rate=fast");
        assertThatThrownBy(() -> DemoOptions.parse(List.of("--seconds"))).hasMessageContaining("--seconds=nothing");
        assertThatThrownBy(() -> DemoOptions.parse(List.of("--seconds", "0"))).hasMessageContaining("above 0");
        assertThatThrownBy(() -> DemoOptions.parse(List.of("--speed"))).hasMessageContaining("--speed");
    }
}
