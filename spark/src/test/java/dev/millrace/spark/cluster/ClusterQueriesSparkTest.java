package dev.millrace.spark.cluster;

import static dev.millrace.spark.LocalSpark.add;
import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.expr;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.millrace.spark.LocalSpark;
import dev.millrace.spark.outside.BuiltJar;
import dev.millrace.spark.outside.SharedStore;
import dev.millrace.spark.scala.Scala;
import dev.millrace.spark.standalone.StandaloneCluster;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.stream.Collectors;
import java.util.stream.LongStream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.apache.spark.SparkFiles;
import org.apache.spark.api.java.function.VoidFunction2;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.api.java.UDF1;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.execution.streaming.sources.LowLatencyMemoryStream;
import org.apache.spark.sql.streaming.StreamingQuery;
import org.apache.spark.sql.streaming.StreamingQueryException;
import org.apache.spark.sql.streaming.Trigger;
import org.apache.spark.sql.types.DataTypes;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Queries on two executors of a real standalone master, whatever happens to these. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class ClusterQueriesSparkTest {
    private static final Duration PATIENCE = Duration.ofSeconds(90);
    private static final int PARTITIONS = 4;

    private StandaloneCluster cluster;
    private SparkSession session;
    private Path notes;

    /** Lasts as long as the application, whose jars must be there for every executor that comes. */
    private Path shared;

    @TempDir
    private Path checkpoints;

    @BeforeAll
    void start(@TempDir Path folder) throws Exception {
        cluster = StandaloneCluster.start(Path.of("target/clusters"), 2, 2, Map.of());
        Map<String, String> settings = new HashMap<>(cluster.settings());
        settings.put("spark.millrace.workers", "2");
        settings.put("spark.millrace.detection", "2s");
        shared = folder;
        notes = folder.resolve("notes-of-the-store");
        settings.putAll(SharedStore.settings(notes));
        session = LocalSpark.start(cluster.master(), settings);
    }

    @AfterAll
    void stop() {
        LocalSpark.stop(session);
        cluster.close();
    }

    @BeforeEach
    void wantTwo() {
        session.conf().set("spark.millrace.workers", "2");
    }

    /** The last row of each key that a query gave, by the key's text; each epoch counts once. */
    private static final class Answers {
        private final Map<Long, List<Row>> epochs = new ConcurrentHashMap<>();

        void take(Dataset<Row> rows, long epoch) {
            epochs.put(epoch, rows.collectAsList());
        }

        Map<String, Row> byKey() {
            Map<String, Row> last = new TreeMap<>();
            new TreeMap<>(epochs)
                    .values()
                    .forEach(rows -> rows.forEach(row -> last.put(row.get(0).toString(), row)));
            return last;
        }

        List<String> all() {
            return epochs.values().stream()
                    .flatMap(List::stream)
                    .map(Row::toString)
                    .sorted()
                    .toList();
        }
    }

    private LowLatencyMemoryStream<Long> numbers() {
        return LocalSpark.numbers(session, PARTITIONS);
    }

    private static Dataset<Row> counted(Dataset<Row> numbers) {
        return numbers.selectExpr("value % 7 AS key", "timestamp_seconds(value) AS time", "value")
                .withWatermark("time", "1 hour")
                .groupBy(expr("window(time, '100 seconds')"), col("key"))
                .agg(expr("count(*)"), expr("sum(value)"))
                .selectExpr("concat(window.start, '/', key) AS id", "`count(1)` AS rows", "`sum(value)` AS sum");
    }

    private StreamingQuery query(Dataset<Row> rows, Answers answers, String checkpoint) throws Exception {
        return queryAt(checkpoints.resolve(checkpoint).toString(), rows, answers);
    }

    private static StreamingQuery queryAt(String checkpoint, Dataset<Row> rows, Answers answers) throws Exception {
        return rows.writeStream()
                .foreachBatch((VoidFunction2<Dataset<Row>, Long>) answers::take)
                .outputMode("update")
                .option("checkpointLocation", checkpoint)
                .trigger(LocalSpark.every(200))
                .start();
    }

    private static long[] range(long from, long to) {
        return LongStream.range(from, to).toArray();
    }

    /** Spark's own answer, by a job on the executors. */
    private Map<String, String> batchAnswer(long rows) {
        Dataset<Row> same = session.createDataset(
                        LongStream.range(0, rows).boxed().toList(), Encoders.LONG())
                .toDF("value");
        return counted(same).collectAsList().stream().collect(Collectors.toMap(row -> row.getString(0), Row::toString));
    }

    private void assertCounted(Answers answers, long rows) {
        assertAnswered(answers, batchAnswer(rows));
    }

    private static void assertAnswered(Answers answers, Map<String, String> expected) {
        Map<String, String> actual = new HashMap<>();
        answers.byKey().forEach((key, row) -> actual.put(key, row.toString()));
        assertThat(actual).isEqualTo(expected);
    }

    private static List<WorkerRoster.Member> workers() {
        return WorkerPool.running().members();
    }

    private static long processOf(int worker) {
        return workers().get(worker).registration().pid();
    }

    private static void awaitWorkers(int count) {
        await().atMost(PATIENCE).until(() -> workers().size() == count);
    }

    @Test
    void countsInWindowsAsSparkDoes() throws Exception {
        LowLatencyMemoryStream<Long> numbers = numbers();
        Answers answers = new Answers();
        StreamingQuery query = query(counted(numbers.toDF()), answers, "windows");
        try {
            assertThat(LocalSpark.isOnMillrace(query)).isTrue();
            add(numbers, range(0, 1_000));
            query.processAllAvailable();
            add(numbers, range(1_000, 2_000));
            query.processAllAvailable();
            assertCounted(answers, 2_000);
        } finally {
            query.stop();
        }
    }

    @Test
    void joinsTwoStreamsAsSparkDoes() throws Exception {
        LowLatencyMemoryStream<Long> left = numbers();
        LowLatencyMemoryStream<Long> right = numbers();
        Dataset<Row> joined = left.toDF()
                .toDF("a")
                .join(right.toDF().toDF("b"), expr("a % 50 = b"))
                .selectExpr("a", "b");
        Answers answers = new Answers();
        StreamingQuery query = joined.writeStream()
                .foreachBatch((VoidFunction2<Dataset<Row>, Long>) answers::take)
                .outputMode("append")
                .option("checkpointLocation", checkpoints.resolve("join").toString())
                .trigger(LocalSpark.every(200))
                .start();
        try {
            add(left, range(0, 300));
            add(right, range(0, 40));
            query.processAllAvailable();
            add(right, range(40, 60));
            query.processAllAvailable();
        } finally {
            query.stop();
        }
        List<String> expected = new ArrayList<>();
        for (long a = 0; a < 300; a++) {
            expected.add("[%d,%d]".formatted(a, a % 50));
        }
        assertThat(answers.all()).isEqualTo(expected.stream().sorted().toList());
    }

    @Test
    void goesOnWhenAnExecutorIsKilledAndReadsOnlyWhatTheOtherHad() throws Exception {
        LowLatencyMemoryStream<Long> numbers = numbers();
        Answers answers = new Answers();
        String checkpoint = SharedStore.location(checkpoints.resolve("killed"));
        StreamingQuery query = queryAt(checkpoint, counted(numbers.toDF()), answers);
        try {
            add(numbers, range(0, 500));
            query.processAllAvailable();
            long survivor = processOf(0);
            long killed = processOf(1);
            StandaloneCluster.kill(killed);
            add(numbers, range(500, 1_000));
            query.processAllAvailable();
            assertCounted(answers, 1_000);
            assertThat(processOf(0)).as("the survivor keeps its process").isEqualTo(survivor);
            awaitWorkers(2);
            add(numbers, range(1_000, 1_500));
            query.processAllAvailable();
            assertCounted(answers, 1_500);
            long replacement = processOf(1);
            query.stop();
            assertThat(SharedStore.snapshotsWritten(notes, survivor)).isNotEmpty();
            assertThat(SharedStore.snapshotsRead(notes, survivor))
                    .isNotEmpty()
                    .isSubsetOf(SharedStore.snapshotsWritten(notes, killed));
            assertThat(SharedStore.snapshotsRead(notes, replacement)).isNotEmpty();
        } finally {
            query.stop();
        }
    }

    /** Files, because a job of Spark's, such as foreachBatch may run, does not end while an executor is frozen. */
    @Test
    void aFrozenExecutorIsFoundAndWhatItStillDoesCountsForNothing() throws Exception {
        LowLatencyMemoryStream<Long> numbers = numbers();
        String files = checkpoints.resolve("files").toString();
        StreamingQuery query = numbers.toDF()
                .dropDuplicates("value")
                .writeStream()
                .format("parquet")
                .outputMode("append")
                .option("checkpointLocation", checkpoints.resolve("frozen").toString())
                .trigger(LocalSpark.every(200))
                .start(files);
        try {
            add(numbers, range(0, 500));
            query.processAllAvailable();
            WorkerRoster.Member frozen = workers().get(1);
            StandaloneCluster.freeze(frozen.registration().pid());
            add(numbers, range(500, 1_000));
            query.processAllAvailable();
            StandaloneCluster.resume(frozen.registration().pid());
            await().atMost(PATIENCE).until(() -> workers().stream()
                    .anyMatch(member -> member.registration().equals(frozen.registration())
                            && member.incarnation() != frozen.incarnation()));
            add(numbers, range(1_000, 1_500));
            query.processAllAvailable();
        } finally {
            query.stop();
        }
        List<Long> written = session.read().parquet(files).as(Encoders.LONG()).collectAsList();
        assertThat(written.stream().sorted().toList())
                .isEqualTo(LongStream.range(0, 1_500).boxed().toList());
    }

    /** The jar is added to the application, or to one session alone, as Spark Connect's clients do. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void runsCodeFromAJarThatCameAfterItsWorkers(boolean toSessionAlone) throws Exception {
        awaitWorkersOfAQuery();
        String name = toSessionAlone ? "AddedToSession" : "AddedToAll";
        String source = "public class " + name + " implements org.apache.spark.sql.api.java.UDF1<Long, Long> {"
                + " public Long call(Long value) { return 2 * value; } }";
        Path jar = BuiltJar.of(Files.createDirectory(shared.resolve(name)), name, source);
        SparkSession own = toSessionAlone ? (SparkSession) session.newSession() : session;
        if (toSessionAlone) {
            own.addArtifact(jar.toString());
        } else {
            Dataset<Row> unused = own.sql("ADD JAR '%s'".formatted(jar));
        }
        UDF1<Long, Long> doubled = Scala.cast(own.artifactManager().withResources(() -> instanceOf(name)));
        own.udf().register("doubled", doubled, DataTypes.LongType);
        LowLatencyMemoryStream<Long> numbers = LocalSpark.numbers(own, PARTITIONS);
        Answers answers = new Answers();
        StreamingQuery query = query(numbers.toDF().selectExpr("doubled(value)"), answers, "added-jar");
        try {
            await().atMost(PATIENCE).until(() -> query.status().message().contains("on 2 workers"));
            add(numbers, range(0, 10));
            query.processAllAvailable();
        } finally {
            query.stop();
        }
        assertThat(answers.all()).hasSize(10).contains("[0]", "[18]");
    }

    @Test
    void findsWhatIsInAnArchiveThatCameAfterItsWorkers() throws Exception {
        awaitWorkersOfAQuery();
        Path archive = shared.resolve("words.zip");
        try (ZipOutputStream packed = new ZipOutputStream(Files.newOutputStream(archive))) {
            packed.putNextEntry(new ZipEntry("word.txt"));
            packed.write("unpacked".getBytes(StandardCharsets.UTF_8));
        }
        session.sparkContext().addArchive(archive + "#words");
        session.udf()
                .register(
                        "word",
                        (Long value) -> Files.readString(Path.of(SparkFiles.get("words"), "word.txt")),
                        DataTypes.StringType);
        LowLatencyMemoryStream<Long> numbers = numbers();
        Answers answers = new Answers();
        StreamingQuery query = query(numbers.toDF().selectExpr("word(value)"), answers, "archive");
        try {
            add(numbers, range(0, 10));
            query.processAllAvailable();
        } finally {
            query.stop();
        }
        assertThat(answers.all()).hasSize(10).containsOnly("[unpacked]");
    }

    private void awaitWorkersOfAQuery() throws Exception {
        LowLatencyMemoryStream<Long> numbers = numbers();
        StreamingQuery query = query(numbers.toDF(), new Answers(), "before");
        try {
            add(numbers, range(0, PARTITIONS));
            query.processAllAvailable();
            awaitWorkers(2);
        } finally {
            query.stop();
        }
    }

    private static Object instanceOf(String className) {
        try {
            return Class.forName(className, true, Thread.currentThread().getContextClassLoader())
                    .getConstructor()
                    .newInstance();
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(e);
        }
    }

    /** So many files of a hundred rows each, of which a batch of four is read by both executors. */
    private String files(String folder, int from, int to) {
        String files = checkpoints.resolve(folder).toString();
        for (int file = from; file < to; file++) {
            session.range(file * 100L, file * 100L + 100, 1, 1)
                    .toDF("value")
                    .write()
                    .mode("append")
                    .parquet(files);
        }
        return files;
    }

    private Dataset<Row> stream(String files) {
        return session.readStream()
                .schema("value BIGINT")
                .option("maxFilesPerTrigger", 4)
                .parquet(files);
    }

    private StreamingQuery bounded(Dataset<Row> rows, Answers answers, String checkpoint, Trigger trigger)
            throws Exception {
        session.conf().set("spark.millrace.triggers", "all");
        try {
            StreamingQuery query = rows.writeStream()
                    .foreachBatch((VoidFunction2<Dataset<Row>, Long>) answers::take)
                    .outputMode("update")
                    .option(
                            "checkpointLocation",
                            checkpoints.resolve(checkpoint).toString())
                    .trigger(trigger)
                    .start();
            assertThat(LocalSpark.isOnMillrace(query)).isTrue();
            return query;
        } finally {
            session.conf().unset("spark.millrace.triggers");
        }
    }

    @Test
    void allExecutorsReadFilesWhenNothingIsSet() throws Exception {
        session.conf().unset("spark.millrace.workers");
        session.udf()
                .register("process", (Long value) -> ProcessHandle.current().pid(), DataTypes.LongType);
        Answers answers = new Answers();
        StreamingQuery query = query(
                stream(files("read-by-all", 0, 8)).selectExpr("value", "process(value) AS process"), answers, "unset");
        try {
            query.processAllAvailable();
        } finally {
            query.stop();
        }
        assertThat(answers.all()).hasSize(800);
        assertThat(answers.byKey()).hasSize(800);
        assertThat(answers.byKey().values().stream().map(row -> row.getLong(1)).distinct())
                .containsExactlyInAnyOrder(processOf(0), processOf(1));
    }

    /** Holds a row up, once, until the process is killed that it is in. Says in a file which one that is. */
    private record HeldUp(String note, long row) implements UDF1<Long, Long> {
        @Override
        public Long call(Long value) throws Exception {
            if (value == row && !Files.exists(Path.of(note))) {
                Path written = Path.of(note + "-written");
                Files.writeString(written, Long.toString(ProcessHandle.current().pid()));
                Files.move(written, Path.of(note));
                new CountDownLatch(1).await();
            }
            return value;
        }
    }

    @Test
    void anExecutorKilledInTheMidstOfAPortionCostsNoRowOfABoundedEpochAndDoublesNone() throws Exception {
        Path note = shared.resolve("held-up");
        session.udf().register("heldUp", new HeldUp(note.toString(), 550), DataTypes.LongType);
        Answers answers = new Answers();
        StreamingQuery query = bounded(
                counted(stream(files("drained", 0, 12)).selectExpr("heldUp(value) AS value")),
                answers,
                "drained-checkpoint",
                Trigger.AvailableNow());
        try {
            await().atMost(PATIENCE).until(() -> Files.exists(note));
            StandaloneCluster.kill(Long.parseLong(Files.readString(note)));
            assertThat(query.awaitTermination(PATIENCE.toMillis())).isTrue();
        } finally {
            query.stop();
        }
        assertThat(answers.epochs).containsOnlyKeys(0L, 1L, 2L);
        assertCounted(answers, 1_200);
        awaitWorkersOfAQuery();
    }

    @Test
    void aStaticTableThatChangesBetweenBoundedEpochsIsReadAgainOnBothExecutors() throws Exception {
        session.conf().set("spark.millrace.static.refresh", "0s");
        String table = checkpoints.resolve("table").toString();
        session.range(0, 400).selectExpr("id", "1 AS code").write().parquet(table);
        Answers answers = new Answers();
        StreamingQuery query = bounded(
                stream(files("with-table", 0, 4))
                        .join(session.read().parquet(table), expr("value = id"))
                        .selectExpr("value", "code"),
                answers,
                "with-table-checkpoint",
                Trigger.ProcessingTime(0));
        try {
            query.processAllAvailable();
            session.range(400, 800)
                    .selectExpr("id", "2 AS code")
                    .write()
                    .mode("append")
                    .parquet(table);
            String unused = files("with-table", 4, 8);
            query.processAllAvailable();
            assertThat(query.status().message()).contains("on 2 workers");
        } finally {
            query.stop();
            session.conf().unset("spark.millrace.static.refresh");
        }
        assertThat(answers.all())
                .isEqualTo(LongStream.range(0, 800)
                        .mapToObj(value -> "[%d,%d]".formatted(value, value < 400 ? 1 : 2))
                        .sorted()
                        .toList());
    }

    @Test
    void changesItsNumberOfWorkersWhileItRuns() throws Exception {
        LowLatencyMemoryStream<Long> numbers = numbers();
        Answers answers = new Answers();
        StreamingQuery query = query(counted(numbers.toDF()), answers, "rescaled");
        try {
            long rows = 0;
            for (String workers : List.of("2", "1", "0", "2")) {
                session.conf().set("spark.millrace.workers", workers);
                add(numbers, range(rows, rows + 300));
                rows += 300;
                query.processAllAvailable();
                assertCounted(answers, rows);
            }
        } finally {
            query.stop();
        }
    }

    @Test
    void anErrorOfTheQuerysCodeEndsItAndCostsNoWorker() throws Exception {
        LowLatencyMemoryStream<Long> numbers = numbers();
        Dataset<Row> failing = numbers.toDF()
                .selectExpr("if(value = 13, raise_error('thirteen is bad'), value) AS value")
                .dropDuplicates("value");
        StreamingQuery query = failing.writeStream()
                .format("parquet")
                .option("checkpointLocation", checkpoints.resolve("failing").toString())
                .trigger(LocalSpark.every(200))
                .start(checkpoints.resolve("failing-files").toString());
        await().atMost(PATIENCE)
                .until(() -> query.isActive() && !WorkerPool.running().members().isEmpty());
        awaitWorkers(2);
        List<WorkerRoster.Member> before = workers();
        add(numbers, range(0, 20));
        assertThatThrownBy(() -> query.awaitTermination(PATIENCE.toMillis()))
                .isInstanceOf(StreamingQueryException.class)
                .hasMessageContaining("thirteen is bad");
        assertThat(workers()).isEqualTo(before);
    }

    @Test
    void saysWhatIsMissingWhenThereAreTooFewExecutors() throws Exception {
        session.conf().set("spark.millrace.workers", "3");
        session.conf().set("spark.millrace.workers.timeout", "1s");
        try {
            StreamingQuery query = numbers()
                    .toDF()
                    .writeStream()
                    .format("parquet")
                    .option("checkpointLocation", checkpoints.resolve("missing").toString())
                    .trigger(LocalSpark.every(200))
                    .start(checkpoints.resolve("missing-files").toString());
            assertThatThrownBy(() -> query.awaitTermination(PATIENCE.toMillis()))
                    .isInstanceOf(StreamingQueryException.class)
                    .hasMessageContaining("wanted=3, registered=")
                    .hasMessageContaining("spark.millrace.workers");
        } finally {
            session.conf().unset("spark.millrace.workers.timeout");
        }
    }
}
