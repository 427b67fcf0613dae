package dev.millrace.spark.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.spark.LocalSpark;
import dev.millrace.spark.LocalSpark.Collector;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.apache.hadoop.conf.Configuration;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.execution.streaming.sources.LowLatencyMemoryStream;
import org.apache.spark.sql.streaming.StreamingQuery;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The program that looks at checkpoints, on those of real queries. */
@Timeout(120)
final class MillraceCheckpointSparkTest {
    private static final long COUNTS = 1_000_000;
    private static SparkSession session;

    @TempDir
    private Path folder;

    private Path checkpoint;
    private LowLatencyMemoryStream<Long> numbers;
    private Collector collector;

    private final ByteArrayOutputStream output = new ByteArrayOutputStream();
    private final ByteArrayOutputStream errors = new ByteArrayOutputStream();

    @BeforeAll
    static void start() {
        session = LocalSpark.start();
    }

    @AfterAll
    static void stop() {
        LocalSpark.stop(session);
    }

    @BeforeEach
    void countSome() throws Exception {
        checkpoint = folder.resolve("checkpoint");
        numbers = LocalSpark.numbers(session, 2);
        collector = new Collector("checkpoint program");
        count(checkpoint, 1, 1, 2);
        count(checkpoint, 2, 3);
    }

    @Test
    void showsEpochsOffsetsOperatorsAndFiles() throws IOException {
        String id = new com.fasterxml.jackson.databind.ObjectMapper()
                .readTree(checkpoint.resolve("metadata").toFile())
                .get("id")
                .asText();

        assertThat(run("inspect", checkpoint.toString())).isZero();
        assertThat(text(output))
                .contains(id)
                .contains("committed")
                .contains("batchWatermarkMs")
                .contains("count(1)")
                .contains(largestSnapshot().getFileName().toString());
    }

    @Test
    void tellsWhichFileIsDamagedAndWhichEpochsAreNot() throws IOException {
        assertThat(run("verify", checkpoint.toString())).isZero();
        assertThat(text(output)).contains("whole").doesNotContain("DAMAGED");

        Path file = largestSnapshot();
        byte[] bytes = Files.readAllBytes(file);
        bytes[bytes.length / 2] ^= 1;
        Files.write(file, bytes);
        Files.deleteIfExists(file.resolveSibling("." + file.getFileName() + ".crc"));

        output.reset();
        assertThat(run("verify", checkpoint.toString())).isEqualTo(1);
        assertThat(text(output))
                .contains("DAMAGED")
                .contains(file.getFileName().toString())
                .contains("crc32c");
    }

    @Test
    void exportsAnEpochThatAQueryGoesOnFrom() throws Exception {
        Path copy = folder.resolve("copy");
        assertThat(run("export", checkpoint.toString(), copy.toString())).isZero();
        assertThat(run("verify", copy.toString())).isZero();
        count(checkpoint, 1);
        collector.taken().clear();

        // What came behind the epoch is read by the copy's query as well, on its own state.
        count(copy, 3);
        Map<Long, Long> counts = new HashMap<>();
        collector.taken().forEach(row -> counts.merge(row / COUNTS, row % COUNTS, Math::max));
        assertThat(counts).isEqualTo(Map.of(1L, 3L, 3L, 2L));
        assertThat(Files.readString(copy.resolve("metadata")))
                .isNotEqualTo(Files.readString(checkpoint.resolve("metadata")));
    }

    @Test
    void refusesByNameWhatItCannotDo() {
        assertThat(run("export", checkpoint.toString(), checkpoint.toString())).isEqualTo(1);
        assertThat(text(errors)).contains("MILLRACE_UNSUPPORTED_CHECKPOINT").contains("not empty");
        errors.reset();
        assertThat(run("inspect", checkpoint.toString(), "--epoch", "99")).isEqualTo(1);
        assertThat(text(errors)).contains("epoch=99 is not committed");
        errors.reset();
        assertThat(run("verify", checkpoint.toString(), "--epoch", "99")).isEqualTo(1);
        assertThat(text(errors)).contains("epoch=99 has no manifest");
        errors.reset();
        assertThat(run("inspect", folder.toString())).isEqualTo(1);
        assertThat(text(errors)).contains("holds no epoch of Millrace");
        errors.reset();
        for (List<String> words : List.of(
                List.<String>of(),
                List.of("inspect"),
                List.of("repair", checkpoint.toString()),
                List.of("inspect", checkpoint.toString(), "--epoch", "last"))) {
            assertThat(run(words.toArray(String[]::new))).isEqualTo(2);
            assertThat(text(errors)).startsWith("Usage: millrace-checkpoint");
            errors.reset();
        }
    }

    private int run(String... words) {
        return new MillraceCheckpoint(new Configuration(), printTo(output), printTo(errors)).run(words);
    }

    private static PrintStream printTo(ByteArrayOutputStream bytes) {
        return new PrintStream(bytes, true, StandardCharsets.UTF_8);
    }

    private static String text(ByteArrayOutputStream bytes) {
        return bytes.toString(StandardCharsets.UTF_8);
    }

    private void count(Path location, long... values) throws Exception {
        StreamingQuery query = LocalSpark.collecting(
                        numbers.toDF().groupBy("value").count().selectExpr("value * %d + count".formatted(COUNTS)),
                        collector)
                .option("checkpointLocation", location.toString())
                .start();
        LocalSpark.add(numbers, values);
        query.processAllAvailable();
        query.stop();
    }

    private Path largestSnapshot() throws IOException {
        try (Stream<Path> files = Files.list(checkpoint.resolve("millrace/files"))) {
            return files.filter(file -> !file.getFileName().toString().startsWith("."))
                    .max(Comparator.comparingLong(file -> file.toFile().length()))
                    .orElseThrow();
        }
    }
}
