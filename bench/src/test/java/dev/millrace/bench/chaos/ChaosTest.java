package dev.millrace.bench.chaos;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

final class ChaosTest {
    /** One fault of each kind, in the order that the seed chooses. */
    private static final ChaosOptions SHORT = new ChaosOptions(0.01, 1, 200);

    @Test
    @Timeout(600)
    void losesAndDoublesNothingWhateverIsKilled(@TempDir Path folder) throws Exception {
        ChaosResult result;
        try (ChaosRun run = new ChaosRun(SHORT, folder, Path.of("target", "launch"))) {
            result = run.run();
        }

        assertThat(result.faults()).containsOnlyKeys(Fault.values());
        assertThat(result.answer().rows()).isPositive();
        assertThat(result.answer().isRight()).as(result.line()).isTrue();
    }

    @Test
    void readsItsOptions() {
        assertThat(ChaosOptions.parse(List.of("--minutes", "0.5", "--seed", "7"), 1))
                .isEqualTo(new ChaosOptions(0.5, 7, 500));
        assertThatThrownBy(() -> ChaosOptions.parse(List.of(), 1)).hasMessageContaining("minutes=0");
        assertThatThrownBy(() -> ChaosOptions.parse(List.of("--minutes", "long"), 1))
                .hasMessageContaining("--minutes=long");
    }
}
