package dev.millrace.spark.sink.v1;

import static dev.millrace.spark.LocalSpark.every;
import static dev.millrace.spark.LocalSpark.isOnMillrace;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.spark.LocalSpark;
import dev.millrace.spark.sink.DrivenWrite;
import dev.millrace.spark.sink.DrivenWrite.Recording;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.apache.spark.api.java.function.VoidFunction2;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SQLContext;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.execution.streaming.Sink;
import org.apache.spark.sql.execution.streaming.sources.LowLatencyMemoryStream;
import org.apache.spark.sql.sources.StreamSinkProvider;
import org.apache.spark.sql.streaming.OutputMode;
import org.apache.spark.sql.streaming.StreamingQuery;
import org.apache.spark.sql.streaming.StreamingQueryException;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import scala.collection.immutable.Seq;

/** foreachBatch, and other sinks that take batches. */
@Timeout(120)
final class V1SinkSparkTest {
    private static final StructType ROWS =
            new StructType().add("value", DataTypes.LongType).add("text", DataTypes.StringType);
    private static SparkSession session;

    @TempDir
    private Path folder;

    private LowLatencyMemoryStream<Long> numbers;
    private final Map<Long, List<Long>> batches = new ConcurrentSkipListMap<>();

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
    }

    @Test
    void givesEachEpochsRowsOnceWithItsNumber() throws Exception {
        VoidFunction2<Dataset<Row>, Long> keep = (rows, epoch) -> assertThat(
                        batches.put(epoch, rows.as(Encoders.LONG()).collectAsList()))
                .isNull();
        StreamingQuery query = start(numbers.toDF(), keep, "append");
        assertThat(isOnMillrace(query)).isTrue();
        for (int i = 0; i < 4; i++) {
            LocalSpark.add(numbers, LongStream.range(i * 10L, i * 10L + 10).toArray());
            query.processAllAvailable();
        }
        await().until(() -> query.lastProgress().batchId() > 8);
        stop(query);

        assertThat(batches.values().stream().flatMap(List::stream))
                .containsExactlyInAnyOrderElementsOf(
                        LongStream.range(0, 40).boxed().toList());
        assertThat(batches).hasSizeBetween(4, 8).allSatisfy((epoch, rows) -> assertThat(rows)
                .isNotEmpty());
        assertThat(keptFiles()).isEmpty();
    }

    @Test
    void givesADataFrameThatCanBeUsedAsOneLikes() throws Exception {
        List<String> seen = new ArrayList<>();
        VoidFunction2<Dataset<Row>, Long> use = (rows, epoch) -> {
            Dataset<Row> cached = rows.persist();
            seen.add("count " + cached.count() + " of " + rows.count());
            Dataset<Row> names =
                    rows.sparkSession().range(1_000).toDF("id").selectExpr("id AS value", "id * 2 AS twice");
            seen.add("joined "
                    + cached.join(names, "value")
                            .agg(Map.of("twice", "sum"))
                            .first()
                            .get(0));
            seen.add("streaming " + rows.isStreaming());
            seen.add("batch "
                    + rows.sparkSession()
                            .sparkContext()
                            .getLocalProperty("streaming.sql.batchId")
                            .equals("" + epoch));
            cached.unpersist();
        };
        StreamingQuery query = start(numbers.toDF(), use, "append");
        LocalSpark.add(numbers, LongStream.range(0, 100).toArray());
        query.processAllAvailable();
        stop(query);

        assertThat(seen).contains("streaming false", "batch true").doesNotContain("streaming true", "batch false");
        if (seen.size() == 4) {
            assertThat(seen).contains("count 100 of 100", "joined 9900");
        }
    }

    @Test
    void keepsManyRowsInFilesOnlyAsLongAsTheyAreNeeded() throws Exception {
        Set<Long> seen = ConcurrentHashMap.newKeySet();
        Set<String> files = ConcurrentHashMap.newKeySet();
        VoidFunction2<Dataset<Row>, Long> keep = (rows, epoch) -> {
            files.addAll(keptFiles());
            rows.selectExpr("value").as(Encoders.LONG()).collectAsList().forEach(value -> assertThat(seen.add(value))
                    .isTrue());
        };
        Dataset<Row> rows = numbers.toDF().selectExpr("value", "sha2(string(value), 512) AS text");
        StreamingQuery query = start(rows, keep, "append");
        for (int i = 0; i < 3; i++) {
            LocalSpark.add(
                    numbers, LongStream.range(i * 5_000L, i * 5_000L + 5_000).toArray());
            query.processAllAvailable();
        }
        stop(query);

        assertThat(seen).hasSize(15_000);
        assertThat(files).isNotEmpty();
        assertThat(keptFiles()).hasSizeLessThanOrEqualTo(2);
    }

    @Test
    void upsertsWithOneRowPerKeyAndEpoch() throws Exception {
        Map<Long, Long> table = new HashMap<>();
        VoidFunction2<Dataset<Row>, Long> upsert = (rows, epoch) -> {
            Set<Long> keys = new HashSet<>();
            for (Row row : rows.collectAsList()) {
                assertThat(keys.add(row.getLong(0))).as("one row for a key").isTrue();
                table.put(row.getLong(0), row.getLong(1));
            }
        };
        Dataset<Row> counts =
                numbers.toDF().selectExpr("value % 7 AS key").groupBy("key").count();
        StreamingQuery query = start(counts, upsert, "update");
        for (int i = 0; i < 5; i++) {
            LocalSpark.add(numbers, LongStream.range(i * 100L, i * 100L + 100).toArray());
            query.processAllAvailable();
        }
        stop(query);

        Map<Long, Long> expected = new HashMap<>();
        session.range(500)
                .selectExpr("id % 7 AS key")
                .groupBy("key")
                .count()
                .collectAsList()
                .forEach(row -> expected.put(row.getLong(0), row.getLong(1)));
        assertThat(table).isEqualTo(expected);
    }

    @Test
    void endsWithTheUsersOwnExceptionAsCause() throws Exception {
        VoidFunction2<Dataset<Row>, Long> fail = (rows, epoch) -> {
            throw new UnsupportedOperationException("not on Sundays");
        };
        StreamingQuery query = start(numbers.toDF(), fail, "append");
        LocalSpark.add(numbers, 1);

        assertThatThrownBy(query::processAllAvailable)
                .isInstanceOfSatisfying(StreamingQueryException.class, failure -> assertThat(failure.getCause())
                        .isInstanceOfSatisfying(MillraceException.class, cause -> {
                            assertThat(cause.code()).isEqualTo(ErrorCode.USER_CODE);
                            assertThat(cause)
                                    .hasMessageContaining("foreachBatch")
                                    .hasMessageContaining("Sundays");
                            assertThat(cause.getCause()).isInstanceOf(UnsupportedOperationException.class);
                        }));
    }

    @Test
    void stopsWhileTheUsersFunctionWaits() throws Exception {
        CountDownLatch waiting = new CountDownLatch(1);
        StreamingQuery query = start(
                numbers.toDF(),
                (rows, epoch) -> {
                    waiting.countDown();
                    new CountDownLatch(1).await();
                },
                "append");
        LocalSpark.add(numbers, 1);
        assertThat(waiting.await(60, TimeUnit.SECONDS)).isTrue();

        stop(query);
        assertThat(query.isActive()).isFalse();
    }

    @Test
    void stopsWhileAJobOfTheUsersFunctionRuns() throws Exception {
        CountDownLatch running = new CountDownLatch(1);
        JOB_RUNS.set(running);
        StreamingQuery query =
                start(numbers.toDF(), (rows, epoch) -> rows.foreach(V1SinkSparkTest::runForever), "append");
        LocalSpark.add(numbers, 1);
        assertThat(running.await(60, TimeUnit.SECONDS)).isTrue();

        stop(query);
        assertThat(query.isActive()).isFalse();
        await().until(() -> session.sparkContext().statusTracker().getActiveJobIds().length == 0);
    }

    private static final AtomicReference<CountDownLatch> JOB_RUNS = new AtomicReference<>();

    private static void runForever(Row row) throws InterruptedException {
        JOB_RUNS.get().countDown();
        new CountDownLatch(1).await();
    }

    @Test
    void writesToSinksOfOthers() throws Exception {
        Recording sink = new Recording();
        RecordingProvider.SINK.set(sink);
        StreamingQuery query = numbers.toDF()
                .writeStream()
                .format(RecordingProvider.class.getName())
                .option("checkpointLocation", folder.toString())
                .trigger(every(100))
                .outputMode("append")
                .start();
        assertThat(isOnMillrace(query)).isTrue();
        LocalSpark.add(numbers, 1, 2, 3);
        query.processAllAvailable();
        stop(query);

        assertThat(sink.rows.stream().flatMap(List::stream).map(row -> row.getLong(0)))
                .containsExactlyInAnyOrder(1L, 2L, 3L);
    }

    /** Where {@code format} finds the sink of the test. */
    public static final class RecordingProvider implements StreamSinkProvider {
        private static final AtomicReference<Recording> SINK = new AtomicReference<>();

        @Override
        public Sink createSink(
                SQLContext context,
                scala.collection.immutable.Map<String, String> parameters,
                Seq<String> partitionColumns,
                OutputMode outputMode) {
            return SINK.get();
        }
    }

    @Test
    void repeatsACommitWithTheSameNumberAndRowsInAnotherProcess() throws Exception {
        List<Row> few = rows(0, 10);
        List<Row> many = rows(10, 20_000);
        Recording sink = new Recording();
        DrivenWrite first = write(sink).begin();
        byte[] small = first.prepare(0, few);
        assertThat(keptFiles()).isEmpty();
        byte[] large = first.prepare(1, many);
        first.prepare(2, many);
        first.write(3, many);
        first.commit(0, small);
        first.commit(1, large);
        assertThat(keptFiles()).hasSizeGreaterThan(3);

        DrivenWrite second = write(sink);
        second.commit(1, large);
        second.commit(1, large);
        second.begin();

        assertThat(sink.batches).containsExactly(0L, 1L, 1L, 1L);
        assertThat(sink.rows.get(0)).containsExactlyInAnyOrderElementsOf(few);
        assertThat(sink.rows.get(1)).containsExactlyInAnyOrderElementsOf(many);
        assertThat(sink.rows.get(3)).containsExactlyInAnyOrderElementsOf(many);
        assertThat(keptFiles()).isEmpty();
    }

    @Test
    void namesTheFileThatIsNotWhatWasWritten() throws Exception {
        DrivenWrite write = write(new Recording()).begin();
        byte[] prepared = write.prepare(0, rows(0, 20_000));
        Path file = folder.resolve("millrace/rows/" + keptFiles().get(0));
        byte[] bytes = Files.readAllBytes(file);
        bytes[bytes.length / 2] ^= 1;
        Files.write(file, bytes);
        Files.deleteIfExists(file.resolveSibling("." + file.getFileName() + ".crc"));

        assertThatThrownBy(() -> write.commit(0, prepared))
                .hasStackTraceContaining("MILLRACE_STATE_CORRUPT")
                .hasStackTraceContaining(file.getFileName().toString());
    }

    private DrivenWrite write(Sink sink) {
        return new DrivenWrite(session, sink, ROWS, folder.toString());
    }

    private static List<Row> rows(long from, long to) {
        return LongStream.range(from, to)
                .mapToObj(value -> RowFactory.create(value, "%x".formatted(value * 0x9E3779B97F4A7C15L)))
                .toList();
    }

    private StreamingQuery start(Dataset<Row> rows, VoidFunction2<Dataset<Row>, Long> function, String outputMode)
            throws Exception {
        return rows.writeStream()
                .foreachBatch(function)
                .option("checkpointLocation", folder.toString())
                .outputMode(outputMode)
                .trigger(every(100))
                .start();
    }

    private static void stop(StreamingQuery query) throws Exception {
        query.stop();
        assertThat(query.exception().isDefined()).isFalse();
    }

    private List<String> keptFiles() throws IOException {
        Path rows = folder.resolve("millrace/rows");
        if (!Files.exists(rows)) {
            return List.of();
        }
        try (Stream<Path> files = Files.list(rows)) {
            return files.map(file -> file.getFileName().toString())
                    .filter(name -> !name.startsWith("."))
                    .toList();
        }
    }
}
