package dev.millrace.bench.peers.flink;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.millrace.bench.workload.Arguments;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The class path of the other engines is its own: that a job of Flink runs on it to its end shows here first. */
final class FlinkInProcessProgramTest {
    private static final int ROWS = 2_000;

    @Test
    void writesTheAnswerOfAJob(@TempDir Path folder) throws Exception {
        Path answer = folder.resolve("answer.txt");
        ObjectNode result = FlinkInProcessProgram.run(new Arguments()
                .with("engine", "flink")
                .with("work", "count-1k")
                .with("folder", folder)
                .with("cores", 1)
                .with("rows", ROWS)
                .with("what", "answer")
                .with("answer", answer));

        assertThat(result.get("settings").isEmpty()).isFalse();
        List<String[]> rows = Files.readAllLines(answer).stream()
                .map(line -> line.split("\t", -1))
                .toList();
        assertThat(rows).extracting(row -> row[0]).doesNotHaveDuplicates();
        assertThat(rows.stream().mapToLong(row -> Long.parseLong(row[1])).sum()).isEqualTo(ROWS);
    }
}
