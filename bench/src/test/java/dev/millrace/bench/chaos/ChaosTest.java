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
    private static final ChaosOptions SHORT = new ChaosOptions(0.01, 1, 200, false);

    private static final ChaosOptions SHORT_ON_CLUSTER = new ChaosOptions(0.01, 1, 200, true);

    @Test
    @Timeout(600)
    void losesAndDoublesNothingWhateverIsKilled(@TempDir Path folder) throws Exception {
        assertNothingLostNorDoubled(SHORT, folder);
    }

    @Test
    @Timeout(600)
    void losesAndDoublesNothingWhateverBefallsItsExecutors(@TempDir Path folder) throws Exception {
        ChaosResult result = assertNothingLostNorDoubled(SHORT_ON_CLUSTER, folder);
        assertThat(result.recoveries()).isPositive();
    }

    private static ChaosResult assertNothingLostNorDoubled(ChaosOptions options, Path folder) throws Exception {
        ChaosResult result;
        try (ChaosRun run = new ChaosRun(options, folder, Path.of("target", "launch"))) {
            result = run.run();
        }
        assertThat(result.faults().keySet()).containsAll(Fault.once(options.isOnCluster()));
        assertThat(result.answer().rows()).isPositive();
        assertThat(result.answer().isRight()).as(result.line()).isTrue();
        return result;
    }

    @Test
    void readsItsOptions() {
        assertThat(ChaosOptions.parse(List.of("--minutes", "0.5", "--seed", "7"), 1))
                .isEqualTo(new ChaosOptions(0.5, 7, 500, false));
        assertThat(ChaosOptions.parse(List.of("--cluster", "--minutes", "1", "--seed", "7"), 1))
                .isEqualTo(new ChaosOptions(1, 7, 500, true));
        assertThatThrownBy(() -> ChaosOptions.parse(List.of(), 1)).hasMessageContaining("minutes=0");
        assertThatThrownBy(() -> ChaosOptions.parse(List.of("--minutes", "long"), 1))
                .hasMessageContaining("--minutes=long");
    }
}
