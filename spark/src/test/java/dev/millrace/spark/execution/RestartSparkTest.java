package dev.millrace.spark.execution;

import static dev.millrace.spark.LocalSpark.every;
import static dev.millrace.spark.LocalSpark.isOnMillrace;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.millrace.engine.error.MillraceException;
import dev.millrace.spark.LocalSpark;
import dev.millrace.spark.LocalSpark.Collector;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.execution.streaming.sources.LowLatencyMemoryStream;
import org.apache.spark.sql.streaming.StreamingQuery;
import org.apache.spark.sql.streaming.Trigger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Going on from a checkpoint: Millrace's own, stock Spark's, and back. */
@Timeout(120)
final class RestartSparkTest {
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
        collector = new Collector("restart");
    }

    @Test
    void goesOnBehindTheLastEpoch() throws Exception {
        run(every(200), 1, 2, 3);
        run(every(200), 4, 5);
        run(every(200));

        assertThat(collector.taken()).containsExactlyInAnyOrder(1L, 2L, 3L, 4L, 5L);
    }

    @Test
    void readsNothingTwiceThoughStoppedUnderLoad() throws Exception {
        for (int restart = 0; restart < 4; restart++) {
            LocalSpark.add(
                    numbers,
                    LongStream.range(restart * 6_000L, (restart + 1) * 6_000L).toArray());
            int before = collector.taken().size();
            StreamingQuery query = start(every(100));
            await().until(() -> collector.taken().size() > before + 100);
            query.stop();
        }

        assertThat(collector.taken()).doesNotHaveDuplicates();
    }

    @Test
    void goesBackToStockSparkAndForthAgain() throws Exception {
        run(every(200), 1, 2, 3);
        run(Trigger.ProcessingTime(0), 4, 5);
        run(every(200), 6);
        run(Trigger.ProcessingTime(0), 7);

        assertThat(collector.taken()).containsExactlyInAnyOrder(1L, 2L, 3L, 4L, 5L, 6L, 7L);
    }

    @Test
    void readsAgainWhatWasPlannedAndNeverCommitted() throws Exception {
        run(Trigger.ProcessingTime(0), 1, 2);
        run(Trigger.ProcessingTime(0), 3, 4);
        int last = names("commits").size() - 1;
        Files.delete(checkpoint.resolve("commits/" + last));
        Files.deleteIfExists(checkpoint.resolve("commits/." + last + ".crc"));

        run(every(200), 5);

        assertThat(collector.taken()).contains(1L, 2L, 3L, 4L, 5L);
        assertThat(collector.taken().stream().filter(value -> value == 3)).hasSize(2);
        assertThat(collector.taken().stream().filter(value -> value == 1)).hasSize(1);
        // The number of the lost epoch is written off, so that a sink that has seen it drops nothing else.
        assertThat(Files.readAllLines(checkpoint.resolve("offsets/" + last)).get(2))
                .isEqualTo(Files.readAllLines(checkpoint.resolve("offsets/" + (last - 1)))
                        .get(2));
        run(Trigger.ProcessingTime(0), 6);
        assertThat(collector.taken()).contains(6L);
    }

    @Test
    void keepsNoMoreLogEntriesThanAsked() throws Exception {
        session.conf().set("spark.sql.streaming.minBatchesToRetain", "3");
        try {
            StreamingQuery query = start(every(100));
            await().until(() ->
                    query.lastProgress() != null && query.lastProgress().batchId() > 6);
            query.stop();
            assertThat(names("offsets")).hasSizeLessThanOrEqualTo(4);
            assertThat(names("commits")).hasSizeLessThanOrEqualTo(4);
        } finally {
            session.conf().unset("spark.sql.streaming.minBatchesToRetain");
        }
    }

    @Test
    void refusesAStatefulQueryWhereNoStateWasKeptAndLeavesItsCheckpointAlone() throws Exception {
        run(every(200), 1);
        Map<String, String> before = contents();

        Dataset<Row> counts = numbers.toDF().groupBy("value").count();
        assertThatThrownBy(() -> LocalSpark.collecting(counts, collector)
                        .option("checkpointLocation", checkpoint.toString())
                        .start())
                .isInstanceOf(MillraceException.class)
                .hasMessageContaining("MILLRACE_UNSUPPORTED_CHECKPOINT");
        assertThat(contents()).isEqualTo(before);
    }

    @Test
    void refusesStateOfStockSpark() throws Exception {
        Dataset<Row> counts = numbers.toDF().groupBy("value").count();
        StreamingQuery stock = LocalSpark.collecting(counts, collector)
                .option("checkpointLocation", checkpoint.toString())
                .trigger(Trigger.ProcessingTime(0))
                .start();
        LocalSpark.add(numbers, 1);
        stock.processAllAvailable();
        stock.stop();
        Map<String, String> before = contents();

        assertThatThrownBy(() -> LocalSpark.collecting(counts, collector)
                        .option("checkpointLocation", checkpoint.toString())
                        .start())
                .isInstanceOf(MillraceException.class)
                .hasMessageContaining("MILLRACE_UNSUPPORTED_CHECKPOINT")
                .hasMessageContaining("stock Spark");
        assertThat(contents()).isEqualTo(before);
    }

    private void run(Trigger trigger, long... values) throws Exception {
        StreamingQuery query = start(trigger);
        assertThat(isOnMillrace(query)).isEqualTo(!trigger.equals(Trigger.ProcessingTime(0)));
        LocalSpark.add(numbers, values);
        query.processAllAvailable();
        query.stop();
        assertThat(query.exception().isDefined()).isFalse();
    }

    private StreamingQuery start(Trigger trigger) throws Exception {
        return LocalSpark.collecting(numbers.toDF(), collector)
                .option("checkpointLocation", checkpoint.toString())
                .trigger(trigger)
                .start();
    }

    private List<String> names(String log) throws IOException {
        try (Stream<Path> files = Files.list(checkpoint.resolve(log))) {
            return new ArrayList<>(files.map(file -> file.getFileName().toString())
                    .filter(name -> !name.startsWith("."))
                    .toList());
        }
    }

    private Map<String, String> contents() throws IOException {
        Map<String, String> contents = new TreeMap<>();
        try (Stream<Path> files = Files.walk(checkpoint)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                contents.put(
                        checkpoint.relativize(file).toString(),
                        java.util.HexFormat.of().formatHex(Files.readAllBytes(file)));
            }
        }
        return contents;
    }
}
