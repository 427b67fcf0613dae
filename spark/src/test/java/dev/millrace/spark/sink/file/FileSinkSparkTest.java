package dev.millrace.spark.sink.file;

import static dev.millrace.spark.LocalSpark.every;
import static dev.millrace.spark.LocalSpark.isOnMillrace;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.millrace.spark.LocalSpark;
import dev.millrace.spark.scala.Scala;
import dev.millrace.spark.sink.DrivenWrite;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.execution.datasources.FileFormat;
import org.apache.spark.sql.execution.datasources.json.JsonFileFormat;
import org.apache.spark.sql.execution.streaming.sinks.FileStreamSink;
import org.apache.spark.sql.execution.streaming.sources.LowLatencyMemoryStream;
import org.apache.spark.sql.streaming.DataStreamWriter;
import org.apache.spark.sql.streaming.StreamingQuery;
import org.apache.spark.sql.streaming.StreamingQueryException;
import org.apache.spark.sql.streaming.Trigger;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Files, as stock Spark reads them afterwards. */
@Timeout(120)
final class FileSinkSparkTest {
    private static final StructType NUMBERS = new StructType().add("value", DataTypes.LongType);
    private static SparkSession session;

    @TempDir
    private Path folder;

    private LowLatencyMemoryStream<Long> numbers;
    private Path output;
    private Path checkpoint;

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
        output = folder.resolve("output");
        checkpoint = folder.resolve("checkpoint");
    }

    @ParameterizedTest
    @ValueSource(strings = {"parquet", "json", "csv", "orc", "text"})
    void writesEveryFormatEpochByEpoch(String format) throws Exception {
        Dataset<Row> rows = format.equals("text")
                ? numbers.toDF().selectExpr("concat('n', value) AS value")
                : numbers.toDF().selectExpr("value", "concat('n', value) AS name", "value / 2 AS half");
        StreamingQuery query = start(rows.writeStream().format(format), every(100));
        assertThat(isOnMillrace(query)).isTrue();
        for (int i = 0; i < 3; i++) {
            LocalSpark.add(numbers, LongStream.range(i * 10L, i * 10L + 10).toArray());
            query.processAllAvailable();
        }
        stop(query);

        Dataset<Row> written =
                session.read().schema(rows.schema()).format(format).load(output.toString());
        assertThat(written.collectAsList()).containsExactlyInAnyOrderElementsOf(expected(rows));
    }

    private List<Row> expected(Dataset<Row> rows) {
        Dataset<Row> input = session.range(30).toDF("value");
        return rows.columns().length == 1
                ? input.selectExpr("concat('n', value)").collectAsList()
                : input.selectExpr("value", "concat('n', value) AS name", "value / 2 AS half")
                        .collectAsList();
    }

    @Test
    void writesMorePartitionsThanFilesMayBeOpen() throws Exception {
        String part = "CASE WHEN value % 9 = 0 THEN NULL WHEN value % 9 = 1 THEN '' ELSE concat('p/ =', value % 9) END";
        Dataset<Row> rows = numbers.toDF().selectExpr("value", part + " AS part", "value % 2 AS even");
        session.conf().set("spark.sql.maxConcurrentOutputFileWriters", "3");
        try {
            StreamingQuery query = start(
                    rows.writeStream()
                            .format("parquet")
                            .partitionBy("even", "part")
                            .option("maxRecordsPerFile", "2"),
                    every(100));
            for (int i = 0; i < 3; i++) {
                LocalSpark.add(
                        numbers, LongStream.range(i * 100L, i * 100L + 100).toArray());
                query.processAllAvailable();
            }
            stop(query);
        } finally {
            session.conf().unset("spark.sql.maxConcurrentOutputFileWriters");
        }

        Path batch = folder.resolve("batch");
        session.range(300)
                .toDF("value")
                .selectExpr("value", part + " AS part", "value % 2 AS even")
                .write()
                .partitionBy("even", "part")
                .parquet(batch.toString());
        assertThat(session.read().parquet(output.toString()).collectAsList())
                .containsExactlyInAnyOrderElementsOf(
                        session.read().parquet(batch.toString()).collectAsList());
        assertThat(session.read()
                        .parquet(output.toString())
                        .groupBy(org.apache.spark.sql.functions.input_file_name())
                        .count()
                        .where("count > 2")
                        .count())
                .isZero();
    }

    @Test
    void leavesNoFilesForEpochsWithoutRowsAndKeepsTheLogWhole() throws Exception {
        session.conf().set("spark.sql.streaming.fileSink.log.compactInterval", "3");
        try {
            StreamingQuery query = start(numbers.toDF().writeStream().format("json"), every(100));
            LocalSpark.add(numbers, 1, 2);
            query.processAllAvailable();
            org.awaitility.Awaitility.await()
                    .until(() ->
                            query.lastProgress() != null && query.lastProgress().batchId() > 10);
            LocalSpark.add(numbers, 3);
            query.processAllAvailable();
            stop(query);
        } finally {
            session.conf().unset("spark.sql.streaming.fileSink.log.compactInterval");
        }

        assertThat(dataFiles()).hasSizeLessThanOrEqualTo(3);
        assertThat(values()).containsExactlyInAnyOrder(1L, 2L, 3L);
        assertThat(Files.exists(output.resolve("_spark_metadata/2.compact"))).isTrue();
    }

    @Test
    void goesOnAfterARestartAndStockSparkGoesOnBehindIt() throws Exception {
        run(every(100), 1, 2, 3);
        run(every(100), 4);
        run(Trigger.ProcessingTime(0), 5, 6);
        run(every(100), 7);

        assertThat(values()).containsExactlyInAnyOrder(1L, 2L, 3L, 4L, 5L, 6L, 7L);
        assertThat(session.readStream().schema(NUMBERS).json(output.toString()).isStreaming())
                .isTrue();
    }

    @Test
    void writesToAPartitionedTable() throws Exception {
        session.sql("DROP TABLE IF EXISTS written");
        Dataset<Row> rows = numbers.toDF().selectExpr("value", "value % 3 AS part");
        StreamingQuery query = rows.writeStream()
                .format("parquet")
                .partitionBy("part")
                .option("checkpointLocation", checkpoint.toString())
                .option("path", output.toString())
                .trigger(every(100))
                .outputMode("append")
                .toTable("written");
        assertThat(isOnMillrace(query)).isTrue();
        LocalSpark.add(numbers, 1, 2, 3);
        query.processAllAvailable();
        assertThat(session.table("written").collectAsList()).hasSize(3);
        LocalSpark.add(numbers, 4, 5);
        query.processAllAvailable();
        stop(query);

        assertThat(session.table("written")
                        .where("part = 1")
                        .select("value")
                        .as(Encoders.LONG())
                        .collectAsList())
                .containsExactlyInAnyOrder(1L, 4L);
        session.sql("DROP TABLE written");
    }

    @Test
    void repeatsACommitOnceAndDeletesWhatNeverCameToOne() throws Exception {
        DrivenWrite first = write().begin();
        first.commit(0, first.prepare(0, rows(1, 2, 3)));
        byte[] decided = first.prepare(1, rows(4, 5));
        first.prepare(2, rows(6, 7));
        first.write(3, rows(8, 9));

        // Another process finds epoch 1 decided, commits it, and dies before it can say so; so does a third.
        write().commit(1, decided);
        DrivenWrite third = write();
        third.commit(1, decided);
        assertThat(dataFiles()).hasSizeGreaterThan(6);
        third.begin();
        assertThat(dataFiles()).hasSize(4);
        third.commit(2, third.prepare(2, rows(10)));

        assertThat(values()).containsExactlyInAnyOrder(1L, 2L, 3L, 4L, 5L, 10L);
        assertThat(dataFiles()).hasSize(5);
    }

    @Test
    void deletesThePreparedFilesOfAnEpochThatIsGivenUp() throws Exception {
        DrivenWrite write = write().begin();
        byte[] prepared = write.prepare(0, rows(1, 2, 3));
        assertThat(dataFiles()).hasSize(2);

        write.abort(0, prepared);

        assertThat(dataFiles()).isEmpty();
    }

    @Test
    void addsTheEpochsThatTheLogMisses() throws Exception {
        DrivenWrite write = write().begin();
        write.commit(0, write.prepare(0, rows(1)));
        write.commit(14, write.prepare(14, rows(2)));

        assertThat(values()).containsExactlyInAnyOrder(1L, 2L);
    }

    @Test
    void refusesAFolderThatBelongsToAnotherCheckpoint() throws Exception {
        run(every(100), 1, 2);
        checkpoint = folder.resolve("other checkpoint");

        numbers = LocalSpark.numbers(session, 1);
        StreamingQuery query = start(numbers.toDF().writeStream().format("json"), every(100));
        LocalSpark.add(numbers, 3);
        assertThatThrownBy(query::processAllAvailable)
                .isInstanceOf(StreamingQueryException.class)
                .hasMessageContaining("MILLRACE_UNSUPPORTED_CHECKPOINT")
                .hasMessageContaining("another checkpoint");
        query.stop();
        assertThat(values()).containsExactlyInAnyOrder(1L, 2L);
    }

    private void run(Trigger trigger, long... values) throws Exception {
        StreamingQuery query = start(numbers.toDF().writeStream().format("json"), trigger);
        assertThat(isOnMillrace(query)).isEqualTo(!trigger.equals(Trigger.ProcessingTime(0)));
        LocalSpark.add(numbers, values);
        query.processAllAvailable();
        stop(query);
    }

    private StreamingQuery start(DataStreamWriter<Row> writer, Trigger trigger) throws Exception {
        return writer.option("checkpointLocation", checkpoint.toString())
                .outputMode("append")
                .trigger(trigger)
                .start(output.toString());
    }

    private static void stop(StreamingQuery query) throws Exception {
        query.stop();
        assertThat(query.exception().isDefined()).isFalse();
    }

    private DrivenWrite write() {
        FileFormat format = new JsonFileFormat();
        FileStreamSink sink = new FileStreamSink(
                session, output.toUri().toString(), format, Scala.emptySeq(), Scala.immutableMap(Map.of()));
        return new DrivenWrite(session, sink, NUMBERS, checkpoint.toString());
    }

    private static List<Row> rows(long... values) {
        return LongStream.of(values).mapToObj(RowFactory::create).toList();
    }

    private List<Long> values() {
        return session.read()
                .schema(NUMBERS)
                .json(output.toString())
                .as(Encoders.LONG())
                .collectAsList();
    }

    private List<String> dataFiles() throws IOException {
        try (Stream<Path> files = Files.walk(output)) {
            return new ArrayList<>(files.map(file -> file.getFileName().toString())
                    .filter(name -> name.startsWith("part-"))
                    .toList());
        }
    }
}
