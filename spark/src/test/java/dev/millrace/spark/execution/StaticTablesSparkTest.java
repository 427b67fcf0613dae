package dev.millrace.spark.execution;

import static dev.millrace.spark.LocalSpark.every;
import static org.apache.spark.sql.functions.col;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.millrace.spark.LocalSpark;
import dev.millrace.spark.LocalSpark.Collector;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SaveMode;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.execution.streaming.sources.LowLatencyMemoryStream;
import org.apache.spark.sql.streaming.DataStreamWriter;
import org.apache.spark.sql.streaming.StreamingQuery;
import org.apache.spark.sql.streaming.Trigger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Tables beside the stream that change while a query runs. They give each key a code; an answer is a thousand times the
 * key, or the count, and the code, which is 0 where there is none.
 */
@Timeout(120)
final class StaticTablesSparkTest {
    private static SparkSession session;

    @TempDir
    private Path folder;

    private String codes;

    @BeforeAll
    static void start() {
        session = LocalSpark.start();
    }

    @AfterAll
    static void stop() {
        LocalSpark.stop(session);
    }

    @BeforeEach
    void writeCodes() {
        codes = folder.resolve("codes").toString();
        addCodes(0, 2, 10);
        session.conf().set("spark.millrace.static.refresh", "0s");
    }

    @AfterEach
    void reset() throws Exception {
        for (StreamingQuery query : session.streams().active()) {
            query.stop();
        }
        session.conf().unset("spark.millrace.static.refresh");
        session.conf().unset("spark.millrace.triggers");
    }

    /** Gives each of the keys the code {@code first} plus the key. */
    private void addCodes(long fromKey, long toKey, long first) {
        session.range(fromKey, toKey)
                .selectExpr("id AS k", "id + %d AS code".formatted(first))
                .coalesce(1)
                .write()
                .mode(SaveMode.Append)
                .parquet(codes);
    }

    private Dataset<Row> coded(Dataset<Row> numbers) {
        return numbers.join(session.read().parquet(codes), col("value").equalTo(col("k")), "left")
                .selectExpr("value", "coalesce(code, 0) AS code");
    }

    private Dataset<Row> answers(Dataset<Row> numbers) {
        return coded(numbers).selectExpr("value * 1000 + code AS answer");
    }

    @Test
    void joinsWithWhatTheTableHoldsByNow() throws Exception {
        LowLatencyMemoryStream<Long> numbers = LocalSpark.numbers(session, 2);
        Collector collector = new Collector("joined");
        StreamingQuery query = LocalSpark.collecting(answers(numbers.toDF()), collector)
                .trigger(every(100))
                .start();
        LocalSpark.add(numbers, 1, 2);
        query.processAllAvailable();
        assertThat(collector.taken()).containsExactlyInAnyOrder(1011L, 2000L);

        addCodes(2, 3, 20);
        await().untilAsserted(() -> {
            LocalSpark.add(numbers, 2);
            query.processAllAvailable();
            assertThat(collector.taken()).contains(2022L);
        });
        assertThat(query.exception().isDefined()).isFalse();
    }

    @Test
    void keepsTheStateOfAnAggregationBehindTheJoin() throws Exception {
        LowLatencyMemoryStream<Long> numbers = LocalSpark.numbers(session, 1);
        Collector collector = new Collector("counted");
        Dataset<Row> counts = coded(numbers.toDF()).groupBy("code").count().selectExpr("count * 1000 + code AS answer");
        StreamingQuery query = LocalSpark.collecting(counts, collector)
                .outputMode("update")
                .trigger(every(100))
                .start();
        LocalSpark.add(numbers, 0, 0, 5);
        query.processAllAvailable();
        addCodes(5, 6, 20);
        await().untilAsserted(() -> {
            LocalSpark.add(numbers, 5);
            query.processAllAvailable();
            assertThat(collector.taken()).contains(1025L);
        });
        LocalSpark.add(numbers, 0);
        query.processAllAvailable();
        assertThat(collector.taken()).contains(2010L, 3010L);
    }

    @Test
    void takesNewValuesOfSubqueries() throws Exception {
        LowLatencyMemoryStream<Long> numbers = LocalSpark.numbers(session, 1);
        numbers.toDF().createOrReplaceTempView("numbers");
        session.read().parquet(codes).createOrReplaceTempView("codes");
        Collector collector = new Collector("bounded above");
        Dataset<Row> below = session.sql("SELECT value FROM numbers WHERE value <= (SELECT max(k) FROM codes)");
        StreamingQuery query =
                LocalSpark.collecting(below, collector).trigger(every(100)).start();
        LocalSpark.add(numbers, 1, 7);
        query.processAllAvailable();
        assertThat(collector.taken()).containsExactly(1L);
        addCodes(7, 8, 70);
        await().untilAsserted(() -> {
            LocalSpark.add(numbers, 7);
            query.processAllAvailable();
            assertThat(collector.taken()).contains(7L);
        });
    }

    @Test
    void goesOnWithTheRowsItHasWhereTheTableCannotBeRead() throws Exception {
        LowLatencyMemoryStream<Long> numbers = LocalSpark.numbers(session, 1);
        Collector collector = new Collector("unreadable");
        StreamingQuery query = LocalSpark.collecting(answers(numbers.toDF()), collector)
                .trigger(every(100))
                .start();
        LocalSpark.add(numbers, 1);
        query.processAllAvailable();
        try (Stream<Path> files = Files.list(Path.of(codes))) {
            for (Path file :
                    files.filter(path -> path.toString().endsWith(".parquet")).toList()) {
                Files.write(file, new byte[] {1, 2, 3});
            }
        }
        long before = query.lastProgress() == null ? 0 : query.lastProgress().batchId();
        await().until(() -> query.lastProgress() != null && query.lastProgress().batchId() > before + 5);
        LocalSpark.add(numbers, 1);
        query.processAllAvailable();
        assertThat(collector.taken()).containsExactly(1011L, 1011L);
    }

    @Test
    void readsTheTableBeforeABoundedEpoch() throws Exception {
        session.conf().set("spark.millrace.triggers", "all");
        LowLatencyMemoryStream<Long> numbers = LocalSpark.numbers(session, 1);
        Collector collector = new Collector("bounded");
        StreamingQuery query = LocalSpark.collecting(answers(numbers.toDF()), collector)
                .trigger(Trigger.ProcessingTime(0))
                .start();
        LocalSpark.add(numbers, 2);
        query.processAllAvailable();
        AtomicLong epoch = new AtomicLong(query.lastProgress().batchId());
        addCodes(2, 3, 20);
        LocalSpark.add(numbers, 2);
        query.processAllAvailable();
        assertThat(collector.taken()).isEqualTo(List.of(2000L, 2022L));
        assertThat(query.lastProgress().batchId()).isEqualTo(epoch.get() + 1);
    }

    @Test
    void readsTheTableBeforeTheFirstEpochOfAStart() throws Exception {
        session.conf().set("spark.millrace.triggers", "all");
        LowLatencyMemoryStream<Long> numbers = LocalSpark.numbers(session, 1);
        Collector collector = new Collector("bounded starts");
        DataStreamWriter<Row> writer = LocalSpark.collecting(answers(numbers.toDF()), collector)
                .option("checkpointLocation", folder.resolve("checkpoint").toString())
                .trigger(Trigger.ProcessingTime(0));
        for (long number = 2; number < 4; number++) {
            StreamingQuery query = writer.start();
            query.processAllAvailable(); // it is planned by then, and has run no epoch
            addCodes(number, number + 1, 20);
            LocalSpark.add(numbers, number);
            query.processAllAvailable();
            query.stop();
        }
        assertThat(collector.taken()).isEqualTo(List.of(2022L, 3023L));
    }
}
