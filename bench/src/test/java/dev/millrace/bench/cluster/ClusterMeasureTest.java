package dev.millrace.bench.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.millrace.bench.run.BenchRun;
import dev.millrace.bench.run.Launcher;
import dev.millrace.bench.run.Options;
import dev.millrace.bench.run.Turn;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

final class ClusterMeasureTest {
    private static final Launcher LAUNCHER = new Launcher(Path.of("target", "launch"), "", 2);

    @Test
    @Timeout(600)
    void measuresHowAQueryComesBackFromTheLossOfAnExecutor(@TempDir Path folder) throws Exception {
        Options options = options("--quick", "--cases", "kill");
        List<Turn> turns;
        try (ClusterMeasure measure = new ClusterMeasure(options, LAUNCHER)) {
            PrintStream screen = new PrintStream(new ByteArrayOutputStream(), true, StandardCharsets.UTF_8);
            turns = new BenchRun(measure, LAUNCHER, options, screen)
                    .run(folder.resolve("work"), folder.resolve("results.jsonl"))
                    .turns();
        }

        assertThat(turns).hasSize(1).extracting(Turn::refused).containsOnlyNulls();
        assertThat(turns.get(0).figures()).containsKeys("detection", "firstRow", "newRow", "longestNewRow");
    }

    @Test
    void namesACaseThatItDoesNotKnow() {
        Options options = options("--cases", "flood");
        assertThatThrownBy(() -> new ClusterMeasure(options, LAUNCHER)).hasMessageContaining("flood");
    }

    private static Options options(String... words) {
        return Options.parse(List.of(words), ClusterMeasure.OPTIONS);
    }
}
