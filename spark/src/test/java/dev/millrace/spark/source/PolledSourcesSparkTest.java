package dev.millrace.spark.source;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.millrace.engine.error.MillraceException;
import dev.millrace.spark.LocalSpark;
import dev.millrace.spark.LocalSpark.Collector;
import dev.millrace.spark.outside.FirstKindProvider;
import dev.millrace.spark.outside.Traps;
import dev.millrace.spark.scala.Scala;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.LongStream;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.execution.streaming.runtime.MemoryStream;
import org.apache.spark.sql.execution.streaming.sources.LowLatencyMemoryStream;
import org.apache.spark.sql.execution.streaming.sources.MemorySink;
import org.apache.spark.sql.functions;
import org.apache.spark.sql.streaming.StreamingQuery;
import org.apache.spark.util.SystemClock;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Sources that can only be read batch by batch, in real time. */
@Timeout(120)
final class PolledSourcesSparkTest {
    private static SparkSession session;

    @TempDir
    Path folder;

    @BeforeAll
    static void start() {
        session = LocalSpark.start();
    }

    @AfterAll
    static void stop() {
        LocalSpark.stop(session);
    }

    @AfterEach
    void stopQueries() throws Exception {
        for (StreamingQuery query : session.streams().active()) {
            query.stop();
        }
        session.streams().resetTerminated();
    }

    @Test
    void readsAMemoryStreamWhileDataIsAdded() throws Exception {
        MemoryStream<Long> numbers = MemoryStream.apply(Encoders.LONG(), session);
        Collector collector = new Collector("memory");
        StreamingQuery query = LocalSpark.collecting(numbers.toDF(), collector).start();
        for (long i = 0; i < 20; i += 2) {
            numbers.addData(Scala.seq(i, i + 1));
            if (i % 6 == 0) {
                query.processAllAvailable();
                assertThat(collector.taken()).containsExactlyInAnyOrderElementsOf(upTo(i + 2));
            }
        }
        query.processAllAvailable();

        assertThat(collector.taken()).containsExactlyInAnyOrderElementsOf(upTo(20));
        assertThat(query.lastProgress().sources()[0].endOffset()).isEqualTo("9");
        assertThat(query.lastProgress().sources()[0].latestOffset()).isEqualTo("9");
    }

    /** This source goes on when it is asked for its row, which showed only where a reader had to wait for room. */
    @RepeatedTest(5)
    void readsARateOfRowsPerBatch() throws Exception {
        Collector collector = new Collector("rate per batch");
        Dataset<Row> rate = session.readStream()
                .format("rate-micro-batch")
                .option("rowsPerBatch", "7")
                .option("numPartitions", "3")
                .load()
                .selectExpr("value");
        StreamingQuery query = LocalSpark.collecting(rate, collector).start();
        await().until(() -> collector.taken().size() >= 100);
        query.stop();

        List<Long> taken = List.copyOf(collector.taken());
        assertThat(taken.size() % 7).isZero();
        assertThat(taken).containsExactlyInAnyOrderElementsOf(upTo(taken.size()));
    }

    @Test
    void readsNewFilesAsTheyCome() throws Exception {
        for (String format : List.of("json", "parquet", "csv", "orc", "text")) {
            Path input = Files.createDirectory(folder.resolve(format));
            Collector collector = new Collector("files " + format);
            addFile(format, input, 0, 10);
            StreamingQuery query =
                    LocalSpark.collecting(files(format, input), collector).start();
            query.processAllAvailable();
            assertThat(collector.taken()).as(format).containsExactlyInAnyOrderElementsOf(upTo(10));
            addFile(format, input, 10, 11);
            addFile(format, input, 11, 500);
            query.processAllAvailable();
            query.stop();

            assertThat(collector.taken()).as(format).containsExactlyInAnyOrderElementsOf(upTo(500));
        }
    }

    @Test
    void readsFilesInPortionsOfTheGivenSizeAndGoesOnBehindThem() throws Exception {
        Path input = Files.createDirectory(folder.resolve("input"));
        for (long i = 0; i < 30; i += 3) {
            addFile("json", input, i, i + 3);
        }
        Collector collector = new Collector("limited files");
        Dataset<Row> rows = session.readStream()
                .schema("value long")
                .option("maxFilesPerTrigger", 2)
                .json(input.toString());
        String checkpoint = folder.resolve("checkpoint").toString();
        StreamingQuery query = LocalSpark.collecting(rows, collector)
                .option("checkpointLocation", checkpoint)
                .start();
        query.processAllAvailable();
        query.stop();
        assertThat(collector.taken()).containsExactlyInAnyOrderElementsOf(upTo(30));
        assertThat(Files.list(folder.resolve("checkpoint/sources/0"))
                        .filter(file -> !file.getFileName().toString().startsWith(".")))
                .hasSize(5);

        addFile("json", input, 30, 40);
        StreamingQuery again = LocalSpark.collecting(rows, collector)
                .option("checkpointLocation", checkpoint)
                .start();
        again.processAllAvailable();
        again.stop();
        assertThat(collector.taken()).containsExactlyInAnyOrderElementsOf(upTo(40));
    }

    @Test
    void readsPartitionColumnsAndFileMetadata() throws Exception {
        Path input = folder.resolve("parts");
        session.range(6)
                .selectExpr("id as value", "id % 2 as part")
                .write()
                .partitionBy("part")
                .parquet(input.toString());
        Collector parts = new Collector("parts");
        Dataset<Row> rows = session.readStream().schema("value long, part int").parquet(input.toString());
        StreamingQuery query = LocalSpark.collecting(
                        rows.selectExpr(
                                "if(_metadata.file_size > 0 and _metadata.file_path like concat('%part=', part, '%'), value * 10 + part, -1L)"),
                        parts)
                .start();
        query.processAllAvailable();

        assertThat(parts.taken()).containsExactlyInAnyOrder(0L, 11L, 20L, 31L, 40L, 51L);
    }

    @Test
    void refusesFunctionsThatReadWhereAFileIsOpen() throws Exception {
        Path input = Files.createDirectory(folder.resolve("named"));
        Dataset<Row> rows = files("json", input).selectExpr("length(input_file_name())");

        assertThatThrownBy(() ->
                        LocalSpark.collecting(rows, new Collector("named")).start())
                .isInstanceOf(MillraceException.class)
                .hasMessageContaining("MILLRACE_UNSUPPORTED_OPERATOR")
                .hasMessageContaining("_metadata.file_path");
    }

    @Test
    void readsASourceOfTheFirstKind() throws Exception {
        Collector collector = new Collector("first kind");
        FirstKindProvider.reset();
        String checkpoint = folder.resolve("checkpoint").toString();
        Dataset<Row> rows =
                session.readStream().format(FirstKindProvider.class.getName()).load();
        StreamingQuery query = LocalSpark.collecting(rows, collector)
                .option("checkpointLocation", checkpoint)
                .start();
        query.processAllAvailable();
        assertThat(collector.taken()).isEmpty();
        assertThat(query.lastProgress().sources()[0].endOffset()).isNull();
        FirstKindProvider.grow(100);
        query.processAllAvailable();
        FirstKindProvider.grow(150);
        query.processAllAvailable();
        query.stop();
        assertThat(FirstKindProvider.committed()).isEqualTo(150);
        FirstKindProvider.grow(170);
        StreamingQuery again = LocalSpark.collecting(rows, collector)
                .option("checkpointLocation", checkpoint)
                .start();
        again.processAllAvailable();

        assertThat(collector.taken()).containsExactlyInAnyOrderElementsOf(upTo(170));
    }

    @Test
    void readsAPolledStreamBesideOneInRealTime() throws Exception {
        MemoryStream<Long> polled = MemoryStream.apply(Encoders.LONG(), session);
        LowLatencyMemoryStream<Long> realTime = LocalSpark.numbers(session, 2);
        Collector collector = new Collector("both");
        StreamingQuery query = LocalSpark.collecting(polled.toDF().union(realTime.toDF()), collector)
                .start();
        for (long i = 0; i < 60; i += 2) {
            polled.addData(Scala.seq(i));
            LocalSpark.add(realTime, i + 1);
            Thread.yield();
        }
        query.processAllAvailable();

        assertThat(collector.taken()).containsExactlyInAnyOrderElementsOf(upTo(60));
    }

    @Test
    void recoversFromASplitThatFailsWithNothingLostOrRepeated() throws Exception {
        FirstKindProvider.reset();
        MemorySink sink = new MemorySink();
        Dataset<Row> rows =
                session.readStream().format(FirstKindProvider.class.getName()).load();
        StreamingQuery query = SourcesSparkTest.start(rows, sink, new SystemClock(), 200);
        FirstKindProvider.grow(100);
        query.processAllAvailable();
        AtomicInteger left = Traps.armTimes("first-kind", 2);
        try {
            FirstKindProvider.grow(1_000);
            query.processAllAvailable();
        } finally {
            Traps.disarmAll();
        }

        assertThat(left).hasValue(0);
        assertThat(query.lastProgress().sink().metrics()).containsKey("recoveries");
        assertThat(Scala.<Row>list(sink.allData()).stream().map(row -> row.getLong(0)))
                .containsExactlyInAnyOrderElementsOf(upTo(1_000));
    }

    /** Rows of one portion come out of order in time; Spark's watermark moves behind the batch. */
    @Test
    void makesNoRowLateForOthersOfItsPortion() throws Exception {
        MemoryStream<Long> seconds = new MemoryStream<>(9, session, Scala.option((Object) 3), Encoders.LONG());
        Collector collector = new Collector("windows");
        Dataset<Row> windows = seconds.toDF()
                .selectExpr("timestamp_seconds(value) as ts")
                .withWatermark("ts", "0 seconds")
                .groupBy(functions.window(functions.col("ts"), "10 seconds"))
                .count()
                .selectExpr("unix_seconds(window.start) * 100 + count");
        StreamingQuery query =
                LocalSpark.collecting(windows, collector).outputMode("append").start();
        seconds.addData(Scala.seq(
                LongStream.iterate(99, i -> i >= 0, i -> i - 1).boxed().toList()));
        query.processAllAvailable();
        await().until(() -> collector.taken().size() == 9);
        assertThat(collector.taken())
                .containsExactlyInAnyOrderElementsOf(
                        LongStream.range(0, 9).mapToObj(i -> i * 1_000 + 10).toList());
        seconds.addData(Scala.seq(5L, 98L, 120L));
        query.processAllAvailable();

        await().until(() -> collector.taken().contains(9_011L));
        assertThat(collector.taken()).hasSize(10);
    }

    private Dataset<Row> files(String format, Path input) {
        if (format.equals("text")) {
            return session.readStream().text(input.toString()).selectExpr("cast(value as long) as value");
        }
        return session.readStream().format(format).schema("value long").load(input.toString());
    }

    /** Adds one file at once, as a producer does that renames. */
    private void addFile(String format, Path input, long from, long to) throws Exception {
        Path made = Files.createTempDirectory(folder, "made").resolve("files");
        Dataset<Row> rows = session.range(from, to).coalesce(1).selectExpr("id as value");
        (format.equals("text") ? rows.selectExpr("cast(value as string)") : rows)
                .write()
                .format(format)
                .save(made.toString());
        try (var all = Files.list(made)) {
            Path file = all.filter(each -> each.getFileName().toString().startsWith("part-"))
                    .findFirst()
                    .orElseThrow();
            Files.move(file, input.resolve(file.getFileName()), StandardCopyOption.ATOMIC_MOVE);
        }
    }

    private static List<Long> upTo(long count) {
        return new ArrayList<>(LongStream.range(0, count).boxed().toList());
    }
}
