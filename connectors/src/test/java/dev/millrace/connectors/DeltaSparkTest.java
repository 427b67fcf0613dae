package dev.millrace.connectors;

import static dev.millrace.spark.LocalSpark.every;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.millrace.spark.LocalSpark;
import dev.millrace.spark.LocalSpark.Collector;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.LongStream;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.execution.streaming.sources.LowLatencyMemoryStream;
import org.apache.spark.sql.streaming.DataStreamWriter;
import org.apache.spark.sql.streaming.StreamingQuery;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Delta tables that real-time queries write, read and look into. */
@Timeout(180)
final class DeltaSparkTest {
    private static final long NUMBERS = 30;

    @TempDir
    private static Path warehouse;

    @TempDir
    private Path folder;

    private static SparkSession session;

    @BeforeAll
    static void start() {
        session = LocalSpark.start(
                "local[2]",
                Map.of(
                        "spark.sql.warehouse.dir",
                        warehouse.resolve("spark").toString(),
                        "spark.sql.extensions",
                        "io.delta.sql.DeltaSparkSessionExtension",
                        "spark.sql.catalog.spark_catalog",
                        "org.apache.spark.sql.delta.catalog.DeltaCatalog",
                        "spark.millrace.static.refresh",
                        "0s",
                        "spark.databricks.delta.snapshotPartitions",
                        "2"));
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
    }

    /** One query writes the table, another reads it meanwhile. */
    @Test
    void commitsEachEpochOnceAndReadsATableAsItGrows() throws Exception {
        String table = table("ledger", "value BIGINT");
        LowLatencyMemoryStream<Long> numbers = LocalSpark.numbers(session, 2);
        StreamingQuery writing = write(numbers.toDF()).toTable(table);
        Collector collector = new Collector("grows");
        StreamingQuery reading = LocalSpark.collecting(
                        session.readStream().format("delta").table(table), collector)
                .option("checkpointLocation", folder.resolve("reading").toString())
                .start();
        for (long from = 0; from < NUMBERS; from += 10) {
            LocalSpark.add(numbers, LongStream.range(from, from + 10).toArray());
            writing.processAllAvailable();
        }
        writing.stop();
        reading.processAllAvailable();
        reading.stop();

        assertThat(LocalSpark.isOnMillrace(writing) && LocalSpark.isOnMillrace(reading))
                .isTrue();
        List<Long> all = LongStream.range(0, NUMBERS).boxed().toList();
        assertThat(session.table(table).as(Encoders.LONG()).collectAsList()).containsExactlyInAnyOrderElementsOf(all);
        assertThat(collector.taken()).containsExactlyInAnyOrderElementsOf(all);
        assertThat(epochsOf(table)).hasSizeGreaterThanOrEqualTo(3).doesNotHaveDuplicates();
    }

    @Test
    void joinsATableAndSeesItsNextVersion() throws Exception {
        String table = table("codes", "value BIGINT, code BIGINT");
        session.sql("INSERT INTO %s VALUES (1, 10), (2, 20)".formatted(table));
        LowLatencyMemoryStream<Long> numbers = LocalSpark.numbers(session, 2);
        Collector collector = new Collector("joined");
        Dataset<Row> coded = numbers.toDF().join(session.table(table), "value").select("code");
        StreamingQuery query = LocalSpark.collecting(coded, collector).start();
        LocalSpark.add(numbers, 1, 2, 3);
        query.processAllAvailable();
        assertThat(collector.taken()).containsExactlyInAnyOrder(10L, 20L);

        session.sql("INSERT INTO %s VALUES (3, 30)".formatted(table));
        await().atMost(60, TimeUnit.SECONDS).untilAsserted(() -> {
            LocalSpark.add(numbers, 3);
            query.processAllAvailable();
            assertThat(collector.taken()).contains(30L);
        });
        query.stop();
        assertThat(LocalSpark.isOnMillrace(query)).isTrue();
    }

    private static String table(String name, String columns) {
        session.sql("CREATE TABLE %s (%s) USING delta".formatted(name, columns));
        return name;
    }

    /** Of the commits of streaming queries, the epochs. */
    private static List<Long> epochsOf(String table) {
        return session.sql("DESCRIBE HISTORY " + table)
                .where("operation = 'STREAMING UPDATE'")
                .selectExpr("CAST(operationParameters.epochId AS BIGINT)")
                .as(Encoders.LONG())
                .collectAsList();
    }

    private DataStreamWriter<Row> write(Dataset<Row> rows) {
        return rows.writeStream()
                .format("delta")
                .outputMode("append")
                .option("checkpointLocation", folder.resolve("writing").toString())
                .trigger(every(200));
    }
}
