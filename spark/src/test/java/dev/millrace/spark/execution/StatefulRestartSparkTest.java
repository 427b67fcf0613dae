package dev.millrace.spark.execution;

import static dev.millrace.spark.LocalSpark.every;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.millrace.spark.LocalSpark;
import dev.millrace.spark.LocalSpark.Collector;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.execution.streaming.sources.LowLatencyMemoryStream;
import org.apache.spark.sql.streaming.StreamingQuery;
import org.apache.spark.sql.streaming.StreamingQueryException;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** State that outlives its query. */
@Timeout(120)
final class StatefulRestartSparkTest {
    private static final long COUNTS = 1_000_000;
    private static SparkSession session;

    @TempDir
    private Path checkpoint;

    private LowLatencyMemoryStream<Long> numbers;
    private Collector collector;

    @BeforeAll
    static void start() {
        session = LocalSpark.start();
    }

    @AfterAll
    static void stop() {
        LocalSpark.stop(session);
    }

    @BeforeEach
    void open() {
        numbers = LocalSpark.numbers(session, 2);
        collector = new Collector("stateful restart");
    }

    @Test
    void goesOnCountingWithMoreOrFewerLoops() throws Exception {
        Dataset<Row> counts = counts();
        run(counts, LongStream.range(0, 300).map(i -> i % 7).toArray());
        withLoops(3, () -> run(counts, LongStream.range(0, 200).map(i -> i % 7).toArray()));
        withLoops(1, () -> run(counts, LongStream.range(0, 100).map(i -> i % 7).toArray()));

        assertThat(lastCounts()).isEqualTo(batchCounts(300, 200, 100));
    }

    @Test
    void keepsObjectsToo() throws Exception {
        Dataset<Row> lists = numbers.toDF()
                .groupBy("value")
                .agg(org.apache
                        .spark
                        .sql
                        .functions
                        .expr("size(collect_list(value))")
                        .as("n"))
                .selectExpr("value * %d + n".formatted(COUNTS));
        run(lists, 1, 1, 2);
        run(lists, 1, 2, 3);

        assertThat(lastCounts()).isEqualTo(Map.of(1L, 3L, 2L, 2L, 3L, 1L));
    }

    @Test
    void goesOnWithFunctionsWhosePartsSparkNamesAnewInEachRun() throws Exception {
        for (int run = 0; run < 2; run++) {
            Dataset<Row> counts = numbers.toDF()
                    .groupBy("value")
                    .agg(org.apache.spark.sql.functions.expr("count_if(value is not null) as n"))
                    .selectExpr("value * %d + n".formatted(COUNTS));
            run(counts, 1, 2, 1);
        }

        assertThat(lastCounts()).isEqualTo(Map.of(1L, 4L, 2L, 2L));
    }

    @Test
    void countsNothingTwiceWhenAnEpochWasNeverCommitted() throws Exception {
        Dataset<Row> counts = counts();
        run(counts, 1, 1, 2);
        run(counts, 1, 2);
        for (long last = newest("commits"); last > 0; last--) {
            // As if the process had died between the state of these epochs and their commit.
            Files.deleteIfExists(checkpoint.resolve("commits/" + last));
            Files.deleteIfExists(checkpoint.resolve("commits/." + last + ".crc"));
        }
        run(counts, 1);
        run(counts, 2);

        assertThat(lastCounts()).isEqualTo(Map.of(1L, 4L, 2L, 3L));
    }

    @Test
    void refusesAnotherQueryAndADamagedFileAndChangesNothing() throws Exception {
        run(counts(), 1, 2, 3);
        Map<String, Long> before = sizes();
        Dataset<Row> other = numbers.toDF()
                .groupBy("value")
                .agg(org.apache.spark.sql.functions.max("value"))
                .select("value");
        assertThatThrownBy(() -> runAndWait(other))
                .isInstanceOf(StreamingQueryException.class)
                .hasMessageContaining("MILLRACE_UNSUPPORTED_CHECKPOINT")
                .hasMessageContaining("max(");
        assertThat(sizes()).isEqualTo(before);

        Path file = largestSnapshot();
        byte[] bytes = Files.readAllBytes(file);
        bytes[bytes.length / 2] ^= 1;
        Files.write(file, bytes);
        Files.deleteIfExists(file.resolveSibling("." + file.getFileName() + ".crc"));
        assertThatThrownBy(() -> runAndWait(counts()))
                .isInstanceOf(StreamingQueryException.class)
                .hasMessageContaining("MILLRACE_STATE_CORRUPT")
                .hasMessageContaining(file.getFileName().toString());
    }

    @Test
    void goesBackToAnEarlierEpochWhenAsked() throws Exception {
        run(counts(), 1, 1, 2);
        long earlier = newest("commits");
        run(counts(), 1, 2, 2);
        collector.taken().clear();
        session.conf().set("spark.millrace.restore.epoch", String.valueOf(earlier));
        try {
            run(counts(), 3);
        } finally {
            session.conf().unset("spark.millrace.restore.epoch");
        }
        run(counts(), 3);

        // The rows behind the epoch were read again, on top of the counts of then.
        assertThat(lastCounts()).isEqualTo(Map.of(1L, 3L, 2L, 3L, 3L, 2L));
    }

    @Test
    void goesOnFromAnEarlierEpochWhereADecisionIsDamaged() throws Exception {
        run(counts(), 1, 1, 2);
        run(counts(), 1, 2, 2);
        // As if the process had died while it committed this epoch.
        long last = newest("commits");
        Files.delete(checkpoint.resolve("commits/" + last));
        Files.deleteIfExists(checkpoint.resolve("commits/." + last + ".crc"));
        Path decision = newestDecision(last);
        byte[] bytes = Files.readAllBytes(decision);
        bytes[bytes.length / 2] ^= 1;
        Files.write(decision, bytes);
        Files.deleteIfExists(decision.resolveSibling("." + decision.getFileName() + ".crc"));

        assertThatThrownBy(() -> runAndWait(counts()))
                .isInstanceOf(StreamingQueryException.class)
                .hasMessageContaining("MILLRACE_STATE_CORRUPT")
                .hasMessageContaining("manifests/" + decision.getFileName())
                .hasMessageContaining("spark.millrace.restore.epoch=" + (last - 1));
        session.conf().set("spark.millrace.restore.epoch", String.valueOf(last - 1));
        try {
            run(counts(), 3);
        } finally {
            session.conf().unset("spark.millrace.restore.epoch");
        }
        run(counts(), 3);

        assertThat(lastCounts()).isEqualTo(Map.of(1L, 3L, 2L, 3L, 3L, 2L));
    }

    private Path newestDecision(long epoch) throws IOException {
        String prefix = epoch + ".";
        return checkpoint
                .resolve("millrace/manifests")
                .resolve(names("millrace/manifests").stream()
                        .filter(name -> name.equals(String.valueOf(epoch)) || name.startsWith(prefix))
                        .max(Comparator.comparingInt(String::length).thenComparing(Comparator.naturalOrder()))
                        .orElseThrow());
    }

    @Test
    void keepsNoMoreEpochsThanAskedAndNoFileThatNobodyNeeds() throws Exception {
        session.conf().set("spark.sql.streaming.minBatchesToRetain", "2");
        try {
            StreamingQuery query = start(counts());
            for (long i = 0; i < 6; i++) {
                long epoch =
                        query.lastProgress() == null ? -1 : query.lastProgress().batchId();
                LocalSpark.add(numbers, i % 3, i);
                await().until(() ->
                        query.lastProgress() != null && query.lastProgress().batchId() > epoch + 1);
            }
            query.stop();
            assertThat(names("millrace/manifests")).hasSizeLessThanOrEqualTo(3);
            assertThat(names("millrace/files")).hasSizeLessThanOrEqualTo(12);
        } finally {
            session.conf().unset("spark.sql.streaming.minBatchesToRetain");
        }
        run(counts(), 0);
        assertThat(lastCounts()).containsEntry(0L, 4L).containsEntry(5L, 1L);
    }

    private Dataset<Row> counts() {
        return numbers.toDF().groupBy("value").count().selectExpr("value * %d + count".formatted(COUNTS));
    }

    private static Map<Long, Long> batchCounts(int... runs) {
        Map<Long, Long> counts = new HashMap<>();
        for (int rows : runs) {
            for (long i = 0; i < rows; i++) {
                counts.merge(i % 7, 1L, Long::sum);
            }
        }
        return counts;
    }

    /** Counts only grow, so the largest is the last. */
    private Map<Long, Long> lastCounts() {
        Map<Long, Long> counts = new HashMap<>();
        for (long row : collector.taken()) {
            counts.merge(row / COUNTS, row % COUNTS, Math::max);
        }
        return counts;
    }

    private void run(Dataset<Row> query, long... values) throws Exception {
        StreamingQuery running = start(query);
        LocalSpark.add(numbers, values);
        running.processAllAvailable();
        running.stop();
        assertThat(running.exception().isDefined()).isFalse();
    }

    private void runAndWait(Dataset<Row> query) throws Exception {
        StreamingQuery running = start(query);
        running.awaitTermination();
    }

    private StreamingQuery start(Dataset<Row> query) throws Exception {
        return LocalSpark.collecting(query, collector)
                .option("checkpointLocation", checkpoint.toString())
                .trigger(every(100))
                .start();
    }

    private interface Action {
        void run() throws Exception;
    }

    private static void withLoops(int loops, Action action) throws Exception {
        session.conf().set("spark.millrace.loops", String.valueOf(loops));
        try {
            action.run();
        } finally {
            session.conf().unset("spark.millrace.loops");
        }
    }

    private long newest(String log) throws IOException {
        return names(log).stream().mapToLong(Long::parseLong).max().orElseThrow();
    }

    private List<String> names(String folder) throws IOException {
        try (Stream<Path> files = Files.list(checkpoint.resolve(folder))) {
            return files.map(file -> file.getFileName().toString())
                    .filter(name -> !name.startsWith("."))
                    .toList();
        }
    }

    private Path largestSnapshot() throws IOException {
        try (Stream<Path> files = Files.list(checkpoint.resolve("millrace/files"))) {
            return files.filter(file -> !file.getFileName().toString().startsWith("."))
                    .max(Comparator.comparingLong(file -> file.toFile().length()))
                    .orElseThrow();
        }
    }

    private Map<String, Long> sizes() throws IOException {
        Map<String, Long> sizes = new HashMap<>();
        try (Stream<Path> files = Files.walk(checkpoint)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                sizes.put(checkpoint.relativize(file).toString(), Files.size(file));
            }
        }
        return sizes;
    }
}
