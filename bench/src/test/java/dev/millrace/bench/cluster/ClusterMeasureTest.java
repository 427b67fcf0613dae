package dev.millrace.bench.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.millrace.bench.run.Options;
import dev.millrace.bench.run.QuickRun;
import dev.millrace.bench.run.Turn;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

final class ClusterMeasureTest {
    @Test
    @Timeout(600)
    void measuresHowAQueryComesBackFromTheLossOfAnExecutor(@TempDir Path folder) throws Exception {
        Options options = options("--quick", "--cases", "kill");
        try (ClusterMeasure measure = new ClusterMeasure(options, QuickRun.LAUNCHER)) {
            List<Turn> turns = QuickRun.of(measure, options, folder).turns();

            assertThat(turns).hasSize(1).extracting(Turn::refused).containsOnlyNulls();
            assertThat(turns.get(0).figures()).containsKeys("detection", "firstRow", "newRow", "longestNewRow");
        }
    }

    @Test
    void namesACaseThatItDoesNotKnow() {
        Options options = options("--cases", "flood");
        assertThatThrownBy(() -> new ClusterMeasure(options, QuickRun.LAUNCHER)).hasMessageContaining("flood");
    }

    private static Options options(String... words) {
        return Options.parse(List.of(words), ClusterMeasure.OPTIONS);
    }
}
