package dev.millrace.bench.inprocess;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.bench.run.Engine;
import dev.millrace.bench.run.Launcher;
import dev.millrace.bench.workload.Answer;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** One of the queries, windows of windows, with the bench's own programs. */
@Timeout(600)
final class NexmarkSparkTest {
    private static final int ROWS = 300_000;

    @TempDir
    private Path folder;

    @ParameterizedTest
    @ValueSource(strings = "q5")
    void givesTheAnswerOfSparksMicroBatch(String query) throws Exception {
        Launcher launcher = new Launcher(Path.of("target", "launch"), "", 2);
        InProcessTurn turn = new InProcessTurn(launcher, folder, ROWS);
        Path expected = turn.answer(Engine.SPARK, query, folder.resolve("spark"));
        Path given = turn.answer(Engine.MILLRACE, query, folder.resolve("millrace"));

        assertThat(Files.size(expected)).isPositive();
        assertThat(Answer.difference(expected, given)).isEmpty();
    }
}
