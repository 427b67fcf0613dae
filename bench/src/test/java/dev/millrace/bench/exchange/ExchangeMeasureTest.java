package dev.millrace.bench.exchange;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.bench.run.Options;
import dev.millrace.bench.run.QuickRun;
import dev.millrace.bench.run.Turn;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

final class ExchangeMeasureTest {
    @Test
    @Timeout(300)
    void measuresBothKindsOfExchange(@TempDir Path folder) throws Exception {
        Options options = Options.parse(List.of("--quick"), ExchangeMeasure.OPTIONS);
        try (ExchangeMeasure measure = new ExchangeMeasure(options, QuickRun.LAUNCHER)) {
            List<Turn> turns = QuickRun.of(measure, options, folder).turns();

            assertThat(turns).hasSize(2).extracting(Turn::refused).containsOnlyNulls();
            assertThat(turns).allSatisfy(turn -> assertThat(turn.figures().get("megabytes"))
                    .isPositive());
        }
    }
}
