package dev.millrace.spark.source;

import static dev.millrace.spark.LocalSpark.every;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.millrace.spark.LocalSpark;
import dev.millrace.spark.LocalSpark.Collector;
import dev.millrace.spark.scala.Scala;
import java.util.List;
import java.util.Map;
import java.util.stream.LongStream;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.execution.streaming.RealTimeTrigger;
import org.apache.spark.sql.execution.streaming.sources.ContinuousMemorySink;
import org.apache.spark.sql.execution.streaming.sources.ContinuousMemoryStream;
import org.apache.spark.sql.execution.streaming.sources.LowLatencyMemoryStream;
import org.apache.spark.sql.execution.streaming.sources.MemorySink;
import org.apache.spark.sql.streaming.OutputMode;
import org.apache.spark.sql.streaming.StreamingQuery;
import org.apache.spark.util.ManualClock;
import org.apache.spark.util.SystemClock;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Spark's own sources and sinks under Millrace. */
@Timeout(120)
final class SourcesSparkTest {
    private static SparkSession session;

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
    void readsTheRateSource() throws Exception {
        Collector collector = new Collector("rate");
        Dataset<Row> rate = session.readStream()
                .format("rate")
                .option("rowsPerSecond", "100")
                .option("numPartitions", "2")
                .load()
                .selectExpr("value");
        StreamingQuery query = LocalSpark.collecting(rate, collector).start();

        await().until(() -> collector.taken().size() >= 50);
        query.stop();
        List<Long> taken = collector.taken();
        assertThat(taken).doesNotHaveDuplicates();
        assertThat(taken.stream().filter(value -> value < 40)).hasSize(40);
    }

    @Test
    void readsContinuousStreams() throws Exception {
        ContinuousMemoryStream<Long> numbers = new ContinuousMemoryStream<>(0, session, 2, Encoders.LONG());
        Collector collector = new Collector("continuous");
        StreamingQuery query = LocalSpark.collecting(numbers.toDF(), collector).start();
        numbers.addData(Scala.seq(1L, 2L, 3L));
        query.processAllAvailable();

        assertThat(collector.taken()).containsExactlyInAnyOrder(1L, 2L, 3L);
    }

    @Test
    void readsAStreamOnceThatIsInAUnionWithItself() throws Exception {
        LowLatencyMemoryStream<Long> numbers = LocalSpark.numbers(session, 2);
        Collector collector = new Collector("self union");
        Dataset<Row> rows = numbers.toDF();
        StreamingQuery query =
                LocalSpark.collecting(rows.union(rows), collector).start();
        LocalSpark.add(numbers, 1, 2);
        query.processAllAvailable();

        assertThat(collector.taken()).containsExactlyInAnyOrder(1L, 1L, 2L, 2L);
    }

    @Test
    void readsSeveralStreams() throws Exception {
        LowLatencyMemoryStream<Long> left = LocalSpark.numbers(session, 1);
        LowLatencyMemoryStream<Long> right = LocalSpark.numbers(session, 3);
        Collector collector = new Collector("union");
        StreamingQuery query = LocalSpark.collecting(left.toDF().union(right.toDF()), collector)
                .start();
        LocalSpark.add(left, LongStream.range(0, 50).toArray());
        LocalSpark.add(right, LongStream.range(50, 100).toArray());
        query.processAllAvailable();

        assertThat(collector.taken()).hasSize(100).doesNotHaveDuplicates();
        assertThat(query.lastProgress().sources()).hasSize(2);
    }

    @Test
    void endsEpochsByAManualClock() throws Exception {
        ManualClock clock = new ManualClock(1_000);
        LowLatencyMemoryStream<Long> numbers = LocalSpark.numbers(session, 1);
        MemorySink sink = new MemorySink();
        StreamingQuery query = start(numbers.toDF(), sink, clock, 500);
        LocalSpark.add(numbers, 1, 2);
        await().until(() -> query.status().message().equals("Waiting for data to arrive"));
        assertThat(sink.allData().size()).isZero();
        for (int epoch = 0; epoch < 3; epoch++) {
            long expected = epoch;
            await().until(() -> {
                clock.advance(100);
                return query.lastProgress() != null && query.lastProgress().batchId() >= expected;
            });
        }
        assertThat(sink.allData().size()).isEqualTo(2);
        query.stop();
        assertThat(Thread.getAllStackTraces().keySet())
                .extracting(Thread::getName)
                .noneMatch(name -> name.startsWith("millrace-clock"));
    }

    @Test
    void writesToBothMemorySinks() throws Exception {
        LowLatencyMemoryStream<Long> numbers = LocalSpark.numbers(session, 2);
        MemorySink batches = new MemorySink();
        ContinuousMemorySink rows = new ContinuousMemorySink();
        StreamingQuery first = start(numbers.toDF(), batches, new SystemClock(), 200);
        LocalSpark.add(numbers, 1, 2, 3);
        first.processAllAvailable();
        LocalSpark.add(numbers, 4);
        first.processAllAvailable();
        first.stop();
        StreamingQuery second = start(numbers.toDF(), rows, new SystemClock(), 200);
        second.processAllAvailable();
        LocalSpark.add(numbers, 5);
        second.processAllAvailable();
        await().until(() -> rows.allData().size() == 5);
        second.stop();

        assertThat(batches.allData().size()).isEqualTo(4);
        assertThat(batches.latestBatchId().isDefined()).isTrue();
    }

    @Test
    void writesToTheConsoleAndToNothing() throws Exception {
        LowLatencyMemoryStream<Long> numbers = LocalSpark.numbers(session, 2);
        LocalSpark.add(numbers, 1, 2, 3);
        for (String format : List.of("console", "noop")) {
            StreamingQuery query = numbers.toDF()
                    .writeStream()
                    .format(format)
                    .option(
                            "checkpointLocation",
                            java.nio.file.Files.createTempDirectory("noop").toString())
                    .outputMode(format.equals("noop") ? "append" : "update")
                    .trigger(every(200))
                    .start();
            query.processAllAvailable();
            query.stop();
            assertThat(query.exception().isDefined()).isFalse();
        }
    }

    /** Starts a query with a sink and a clock that no public writer takes. */
    static StreamingQuery start(
            Dataset<Row> rows,
            org.apache.spark.sql.connector.catalog.Table sink,
            org.apache.spark.util.Clock clock,
            long intervalMillis)
            throws Exception {
        return ((SparkSession) rows.sparkSession())
                .sessionState()
                .streamingQueryManager()
                .startQuery(
                        Scala.none(),
                        Scala.none(),
                        Scala.none(),
                        (org.apache.spark.sql.classic.Dataset<Row>) rows,
                        Scala.immutableMap(Map.of()),
                        sink,
                        OutputMode.Update(),
                        true,
                        true,
                        RealTimeTrigger.apply(intervalMillis),
                        clock,
                        Scala.none(),
                        Scala.none());
    }
}
