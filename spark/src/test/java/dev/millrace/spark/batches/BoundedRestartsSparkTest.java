package dev.millrace.spark.batches;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.count;
import static org.apache.spark.sql.functions.lit;
import static org.apache.spark.sql.functions.window;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.millrace.spark.LocalSpark;
import dev.millrace.spark.batches.BatchesProvider.Batches;
import dev.millrace.spark.batches.PerBatchComparison.Engine;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.sql.Timestamp;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.apache.spark.api.java.function.VoidFunction2;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.api.java.UDF1;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.streaming.StreamingQuery;
import org.apache.spark.sql.streaming.StreamingQueryException;
import org.apache.spark.sql.streaming.Trigger;
import org.apache.spark.sql.types.DataTypes;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Bounded epochs over one checkpoint: triggers that end by themselves, restarts, other engines before and after. */
@Timeout(120)
final class BoundedRestartsSparkTest {
    private static final Script SCRIPT = Scripts.of("a@5 b@7 a@12", "a@3 c@25", "b@2 a@14 a@26", "c@4 b@31", "a@58");
    private static final long NEVER = Long.MAX_VALUE;
    private static SparkSession session;

    /** Rows with this value or a greater one make the query fail before its sink is asked for anything. */
    private static volatile long failing = NEVER;

    /** Whether code of a test was interrupted, and kept that for itself. */
    private static volatile boolean taken;

    @TempDir
    private Path folder;

    private String script = "";

    @BeforeAll
    static void start() {
        session = PerBatchComparison.startSession(Map.of("spark.millrace.recovery.attempts", "0"));
        UDF1<Long, Long> trapped = value -> {
            if (value >= failing) {
                throw new IllegalStateException("asked for");
            }
            return value;
        };
        session.udf().register("trapped", trapped, DataTypes.LongType);
    }

    @AfterAll
    static void stop() {
        LocalSpark.stop(session);
    }

    @BeforeEach
    void open() {
        script = UUID.randomUUID().toString();
        ScriptedProvider.put(script, SCRIPT);
    }

    @AfterEach
    void close() {
        ScriptedProvider.remove(script);
    }

    private static PerBatchComparison comparison(String mode, Function<Dataset<Row>, Dataset<Row>> query) {
        return new PerBatchComparison(session, mode, inputs -> query.apply(inputs.get(0)));
    }

    private static PerBatchComparison windows() {
        return comparison("append", rows -> rows.withWatermark("ts", "10 seconds")
                .where("trapped(v) >= 0")
                .groupBy(window(col("ts"), "10 seconds"))
                .agg(count(lit(1))));
    }

    private static PerBatchComparison plain() {
        return comparison("append", rows -> rows.selectExpr("k", "trapped(v) as v"));
    }

    private static PerBatchComparison counts() {
        return comparison("update", rows -> rows.groupBy("k").agg(count(lit(1))));
    }

    private Map<Long, List<String>> runToEnd(
            PerBatchComparison query, Engine engine, String checkpoint, Trigger trigger, int... published)
            throws Exception {
        Map<Long, List<String>> all = new TreeMap<>();
        for (int there : published) {
            ScriptedProvider.publish(script, there);
            Batches batches = new Batches();
            StreamingQuery running =
                    query.start(engine, query.writer(script, SCRIPT, batches), folder.resolve(checkpoint), trigger);
            assertThat(LocalSpark.isOnMillrace(running)).isEqualTo(engine == Engine.MILLRACE);
            running.awaitTermination();
            all.putAll(batches.given());
        }
        return all;
    }

    @Test
    void takesWhatIsAvailableNowInBatchesAndEnds() throws Exception {
        Map<Long, List<String>> expected = runToEnd(windows(), Engine.SPARK, "spark", Trigger.AvailableNow(), 2, 5);

        assertThat(runToEnd(windows(), Engine.MILLRACE, "millrace", Trigger.AvailableNow(), 2, 5))
                .isEqualTo(expected)
                .hasSizeGreaterThan(5);
    }

    /** Lets one commit fail, the sink having the batch already. */
    private record FailingOnce(AtomicInteger commitsLeft) implements BatchesProvider.Witness {
        private static final long serialVersionUID = 1L;

        @Override
        public void committing() throws IOException {
            if (commitsLeft.decrementAndGet() == 0) {
                throw new IOException("asked for");
            }
        }
    }

    @Test
    void runsTheEpochWithoutDataThatIsDueBehindOneThatIsCommittedAgain() throws Exception {
        ScriptedProvider.publish(script, 5);
        Map<Long, List<String>> expected = runToEnd(windows(), Engine.SPARK, "spark", Trigger.AvailableNow(), 5);
        long last = Collections.max(expected.keySet());
        assertThat(expected.get(last)).as("Spark's batch without data").isNotEmpty();

        // Twice for each batch; it fails behind the last one with data.
        Batches batches = new Batches(new FailingOnce(new AtomicInteger((int) last * 2)));
        StreamingQuery failed = startToEnd(batches);
        assertThatThrownBy(failed::awaitTermination).hasMessageContaining("asked for");
        assertThat(batches.given()).doesNotContainKey(last);
        startToEnd(batches).awaitTermination();
        assertThat(batches.given()).isEqualTo(expected);
    }

    private StreamingQuery startToEnd(Batches batches) throws Exception {
        return windows()
                .start(
                        Engine.MILLRACE,
                        windows().writer(script, SCRIPT, batches),
                        folder.resolve("millrace"),
                        Trigger.AvailableNow());
    }

    @Test
    @SuppressWarnings("deprecation") // it is Spark's to remove
    void takesAllThereIsOnce() throws Exception {
        Map<Long, List<String>> expected = runToEnd(windows(), Engine.SPARK, "spark", Trigger.Once(), 2, 4, 4, 5);

        assertThat(runToEnd(windows(), Engine.MILLRACE, "millrace", Trigger.Once(), 2, 4, 4, 5))
                .isEqualTo(expected);
    }

    @Test
    void handsEachBatchToUserCodeAlsoOneWithoutRows() throws Exception {
        assertThat(handedToUserCode(Engine.MILLRACE))
                .isEqualTo(handedToUserCode(Engine.SPARK))
                .hasSizeGreaterThan(5)
                .containsEntry(0L, List.of());
    }

    private Map<Long, List<String>> handedToUserCode(Engine engine) throws Exception {
        Map<Long, List<String>> handed = new ConcurrentSkipListMap<>();
        VoidFunction2<Dataset<Row>, Long> code = (rows, number) -> handed.put(
                number,
                rows.collectAsList().stream().map(Row::toString).sorted().toList());
        ScriptedProvider.publish(script, 5);
        windows()
                .start(
                        engine,
                        windows().writer(script, SCRIPT, new Batches()).foreachBatch(code),
                        folder.resolve(engine.name()),
                        Trigger.AvailableNow())
                .awaitTermination();
        return handed;
    }

    @Test
    void runsAnEpochThatWasPlannedAsItWasPlanned() throws Exception {
        assertThat(afterAFailure(Engine.MILLRACE))
                .isEqualTo(afterAFailure(Engine.SPARK))
                .doesNotContainKey(0L)
                .hasSizeGreaterThan(4);
    }

    /** What comes behind a start that failed in its second epoch, when there are more rows by then. */
    private Map<Long, List<String>> afterAFailure(Engine engine) throws Exception {
        String checkpoint = engine.name();
        failAt(windows(), engine, checkpoint, 3, 2);
        return runToEnd(windows(), engine, checkpoint, Trigger.AvailableNow(), 5);
    }

    @Test
    void runsWhatSparkPlannedAndSparkRunsWhatItPlanned() throws Exception {
        failAt(plain(), Engine.SPARK, "checkpoint", 3, 2);
        Map<Long, List<String>> given = runToEnd(plain(), Engine.MILLRACE, "checkpoint", Trigger.AvailableNow(), 3);
        assertThat(given).containsOnlyKeys(1L, 2L);
        assertThat(given.get(1L)).containsExactly("[a, 3]", "[c, 4]");

        failAt(plain(), Engine.MILLRACE, "checkpoint", 8, 4);
        assertThat(runToEnd(plain(), Engine.SPARK, "checkpoint", Trigger.AvailableNow(), 5))
                .isEqualTo(Map.of(3L, List.of("[b, 9]", "[c, 8]"), 4L, List.of("[a, 10]")));
    }

    /** Runs until the row with a value, before the sink is asked for its epoch. */
    private void failAt(PerBatchComparison query, Engine engine, String checkpoint, long value, int published)
            throws Exception {
        ScriptedProvider.publish(script, published);
        failing = value;
        try {
            StreamingQuery running = query.start(
                    engine,
                    query.writer(script, SCRIPT, new Batches()),
                    folder.resolve(checkpoint),
                    Trigger.AvailableNow());
            assertThatThrownBy(running::awaitTermination).isInstanceOf(StreamingQueryException.class);
        } finally {
            failing = NEVER;
        }
    }

    @Test
    void goesOnFromTheLastCommittedEpochWhereADecisionIsDamaged() throws Exception {
        Map<Long, List<String>> expected = runToEnd(windows(), Engine.SPARK, "spark", Trigger.AvailableNow(), 3, 5);
        Map<Long, List<String>> given = runToEnd(windows(), Engine.MILLRACE, "millrace", Trigger.AvailableNow(), 3);
        long last = loseTheLastDecision();

        // It runs anew as it is planned, so its sink is given the same rows under the same number.
        given.putAll(goBackTo(windows(), last - 1, last));
        given.putAll(runToEnd(windows(), Engine.MILLRACE, "millrace", Trigger.AvailableNow(), 5));
        assertThat(given).isEqualTo(expected);
    }

    @Test
    void goesBackFurtherWhereADecisionIsDamaged() throws Exception {
        Map<Long, List<String>> given = runToEnd(counts(), Engine.MILLRACE, "millrace", Trigger.AvailableNow(), 3);
        long last = loseTheLastDecision();
        given.putAll(goBackTo(counts(), last - 2, last));
        given.putAll(runToEnd(counts(), Engine.MILLRACE, "millrace", Trigger.AvailableNow(), 5));

        Map<String, String> lastOfKey = new TreeMap<>();
        given.values().forEach(rows -> rows.forEach(row -> lastOfKey.put(row.substring(1, 2), row)));
        assertThat(lastOfKey).isEqualTo(Map.of("a", "[a, 6]", "b", "[b, 3]", "c", "[c, 2]"));
    }

    /** As if the process had died while it committed the last epoch, and the disk had lost what it had decided. */
    private long loseTheLastDecision() throws Exception {
        Path checkpoint = folder.resolve("millrace");
        long last = numbers(checkpoint.resolve("commits")).max().orElseThrow();
        Files.delete(checkpoint.resolve("commits/" + last));
        Files.deleteIfExists(checkpoint.resolve("commits/." + last + ".crc"));
        Path manifests = checkpoint.resolve("millrace/manifests");
        Path decision;
        try (Stream<Path> all = Files.list(manifests)) {
            decision = all.filter(file -> file.getFileName().toString().matches(last + "\\.\\d+-[^.]+"))
                    .max(Comparator.comparingInt((Path file) -> file.toString().length())
                            .thenComparing(Comparator.naturalOrder()))
                    .orElseThrow();
        }
        byte[] bytes = Files.readAllBytes(decision);
        bytes[bytes.length / 2] ^= 1;
        Files.write(decision, bytes);
        return last;
    }

    private static LongStream numbers(Path log) throws Exception {
        try (Stream<Path> all = Files.list(log)) {
            return LongStream.of(all.map(file -> file.getFileName().toString())
                    .filter(name -> name.matches("\\d+"))
                    .mapToLong(Long::parseLong)
                    .toArray());
        }
    }

    /** Starts on a checkpoint without the last decision: in vain first, then behind the epoch that is asked for. */
    private Map<Long, List<String>> goBackTo(PerBatchComparison query, long epoch, long lost) throws Exception {
        StreamingQuery refused = query.start(
                Engine.MILLRACE,
                query.writer(script, SCRIPT, new Batches()),
                folder.resolve("millrace"),
                Trigger.AvailableNow());
        assertThatThrownBy(refused::awaitTermination)
                .isInstanceOf(StreamingQueryException.class)
                .hasMessageContaining("MILLRACE_STATE_CORRUPT")
                .hasMessageContaining("spark.millrace.restore.epoch=" + (lost - 1));
        session.conf().set("spark.millrace.restore.epoch", String.valueOf(epoch));
        try {
            return runToEnd(query, Engine.MILLRACE, "millrace", Trigger.AvailableNow(), 3);
        } finally {
            session.conf().unset("spark.millrace.restore.epoch");
        }
    }

    @Test
    void goesFromBoundedToContinuousAndBack() throws Exception {
        Map<Long, List<String>> given = runToEnd(counts(), Engine.MILLRACE, "checkpoint", Trigger.AvailableNow(), 2);
        ScriptedProvider.publish(script, 4);
        Batches continuous = new Batches();
        StreamingQuery running = counts().start(
                        Engine.MILLRACE,
                        counts().writer(script, SCRIPT, continuous),
                        folder.resolve("checkpoint"),
                        LocalSpark.every(200));
        running.processAllAvailable();
        running.stop();
        given.putAll(continuous.given());
        given.putAll(runToEnd(counts(), Engine.MILLRACE, "checkpoint", Trigger.AvailableNow(), 5));

        Map<String, String> last = new TreeMap<>();
        given.values().forEach(rows -> rows.forEach(row -> last.put(row.substring(1, 2), row)));
        assertThat(last).isEqualTo(Map.of("a", "[a, 6]", "b", "[b, 3]", "c", "[c, 2]"));
    }

    @Test
    void goesFromSparkToBoundedToContinuousAndBack() throws Exception {
        Map<Long, List<String>> given = runToEnd(plain(), Engine.SPARK, "checkpoint", Trigger.AvailableNow(), 1);
        given.putAll(runToEnd(plain(), Engine.MILLRACE, "checkpoint", Trigger.AvailableNow(), 2));
        ScriptedProvider.publish(script, 4);
        Batches continuous = new Batches();
        StreamingQuery running = plain().start(
                        Engine.MILLRACE,
                        plain().writer(script, SCRIPT, continuous),
                        folder.resolve("checkpoint"),
                        LocalSpark.every(200));
        running.processAllAvailable();
        running.stop();
        assertThat(continuous.given()).doesNotContainKeys(0L, 1L);
        given.putAll(continuous.given());
        Map<Long, List<String>> last = runToEnd(plain(), Engine.MILLRACE, "checkpoint", Trigger.AvailableNow(), 5);
        assertThat(last).doesNotContainKeys(given.keySet().toArray(Long[]::new));
        given.putAll(last);

        assertThat(given.values().stream().flatMap(List::stream)).hasSize(11).doesNotHaveDuplicates();
    }

    @Test
    void endsWhenItIsStoppedThoughTheInterruptWasTakenByOthers() throws Exception {
        CountDownLatch began = new CountDownLatch(1);
        VoidFunction2<Dataset<Row>, Long> code = (rows, number) -> {
            began.countDown();
            try {
                TimeUnit.MINUTES.sleep(1);
            } catch (InterruptedException e) {
                taken = true;
            }
        };
        ScriptedProvider.publish(script, 1);
        StreamingQuery running = plain().start(
                        Engine.MILLRACE,
                        plain().writer(script, SCRIPT, new Batches()).foreachBatch(code),
                        folder.resolve("checkpoint"),
                        Trigger.ProcessingTime(0));
        assertThat(began.await(1, TimeUnit.MINUTES)).isTrue();
        running.stop();

        assertThat(taken).isTrue();
        assertThat(running.isActive()).isFalse();
        assertThat(running.exception().isEmpty()).isTrue();
    }

    @Test
    void givesAllRowsOfABatchItsTime() throws Exception {
        PerBatchComparison times = comparison("append", rows -> rows.selectExpr("current_timestamp() as now"));
        Map<Long, List<String>> given = runToEnd(times, Engine.MILLRACE, "checkpoint", Trigger.AvailableNow(), 3);

        assertThat(given.values()).hasSize(3).allSatisfy(rows -> assertThat(Set.copyOf(rows))
                .hasSize(1));
        assertThat(given.values().stream()
                        .map(rows -> Timestamp.valueOf(rows.get(0).replaceAll("[\\[\\]]", ""))))
                .isSorted();
    }

    @Test
    void takesNoMoreFilesThanABatchMayHave() throws Exception {
        Path input = Files.createDirectory(folder.resolve("input"));
        for (int i = 0; i < 5; i++) {
            Path file = Files.writeString(input.resolve(i + ".json"), "{\"v\":%d}".formatted(i));
            Files.setLastModifiedTime(file, FileTime.fromMillis(1_700_000_000_000L + i * 1_000L));
        }
        Map<Long, List<String>> expected = filesToEnd(Engine.SPARK, input);

        assertThat(filesToEnd(Engine.MILLRACE, input))
                .isEqualTo(expected)
                .isEqualTo(Map.of(0L, List.of("[0]", "[1]"), 1L, List.of("[2]", "[3]"), 2L, List.of("[4]")));
    }

    private Map<Long, List<String>> filesToEnd(Engine engine, Path input) throws Exception {
        Batches batches = new Batches();
        Dataset<Row> rows = session.readStream()
                .schema("v long")
                .option("maxFilesPerTrigger", 2)
                .json(input.toString());
        StreamingQuery running = PerBatchComparison.start(
                session,
                engine,
                batches.take(rows.writeStream())
                        .option(
                                "checkpointLocation",
                                folder.resolve(engine.name()).toString())
                        .trigger(Trigger.AvailableNow()));
        running.awaitTermination();
        assertThat(LocalSpark.isOnMillrace(running)).isEqualTo(engine == Engine.MILLRACE);
        return batches.given();
    }

    @Test
    void handsWhatItCannotRunToSpark() throws Exception {
        PerBatchComparison query = comparison(
                "append", rows -> rows.repartitionByRange(2, col("v")).select("v"));
        ScriptedProvider.publish(script, 1);
        Batches batches = new Batches();
        StreamingQuery running = query.start(
                Engine.MILLRACE,
                query.writer(script, SCRIPT, batches),
                folder.resolve("checkpoint"),
                Trigger.AvailableNow());
        running.awaitTermination();

        assertThat(LocalSpark.isOnMillrace(running)).isFalse();
        assertThat(batches.given()).isEqualTo(Map.of(0L, List.of("[0]", "[1]", "[2]")));
    }

    @Test
    void doesNotHandAQueryToSparkForASettingOfItsOwn() {
        session.conf().set("spark.millrace.poll.interval", "often");
        try {
            assertThatThrownBy(() -> plain().start(
                                    Engine.MILLRACE,
                                    plain().writer(script, SCRIPT, new Batches()),
                                    folder.resolve("checkpoint"),
                                    Trigger.AvailableNow()))
                    .hasMessageContaining("MILLRACE_UNSUPPORTED_SETTING")
                    .hasMessageContaining("spark.millrace.poll.interval=often");
        } finally {
            session.conf().unset("spark.millrace.poll.interval");
        }
    }
}
