package dev.millrace.bench.exchange;

import static org.assertj.core.api.Assertions.assertThat;

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

final class ExchangeMeasureTest {
    @Test
    @Timeout(300)
    void measuresBothKindsOfExchange(@TempDir Path folder) throws Exception {
        Launcher launcher = new Launcher(Path.of("target", "launch"), "", 2);
        Options options = Options.parse(List.of("--quick"), ExchangeMeasure.OPTIONS);
        List<Turn> turns;
        try (ExchangeMeasure measure = new ExchangeMeasure(options, launcher)) {
            PrintStream screen = new PrintStream(new ByteArrayOutputStream(), true, StandardCharsets.UTF_8);
            turns = new BenchRun(measure, launcher, options, screen)
                    .run(folder.resolve("work"), folder.resolve("results.jsonl"))
                    .turns();
        }

        assertThat(turns).hasSize(2).extracting(Turn::refused).containsOnlyNulls();
        assertThat(turns)
                .allSatisfy(turn -> assertThat(turn.figures().get("megabytes")).isPositive());
    }
}
