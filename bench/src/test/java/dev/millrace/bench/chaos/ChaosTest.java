package dev.millrace.bench.chaos;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;

final class ChaosTest {
    @Test
    void readsItsOptions() {
        assertThat(ChaosOptions.parse(List.of("--minutes", "0.5", "--seed", "7"), 1))
                .isEqualTo(new ChaosOptions(0.5, 7, 500));
        assertThatThrownBy(() -> ChaosOptions.parse(List.of(), 1)).hasMessageContaining("minutes=0");
        assertThatThrownBy(() -> ChaosOptions.parse(List.of("--minutes", "long"), 1))
                .hasMessageContaining("--minutes=long");
    }
}
