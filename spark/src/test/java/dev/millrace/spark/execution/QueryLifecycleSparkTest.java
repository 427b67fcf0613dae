package dev.millrace.spark.execution;

import static dev.millrace.spark.LocalSpark.every;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.awaitility.Awaitility.await;

import dev.millrace.engine.error.MillraceException;
import dev.millrace.spark.LocalSpark;
import dev.millrace.spark.LocalSpark.Collector;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.LongStream;
import org.apache.spark.SparkThrowable;
import org.apache.spark.api.java.function.VoidFunction2;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.ForeachWriter;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.api.java.UDF1;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.execution.streaming.sources.LowLatencyMemoryStream;
import org.apache.spark.sql.functions;
import org.apache.spark.sql.streaming.StreamingQuery;
import org.apache.spark.sql.streaming.StreamingQueryException;
import org.apache.spark.sql.streaming.StreamingQueryProgress;
import org.apache.spark.sql.types.DataTypes;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A query's life as its user sees it: progress, waiting, conflicts, stops and failures. */
@Timeout(120)
final class QueryLifecycleSparkTest {
    private static SparkSession session;

    @TempDir
    private Path folder;

    @BeforeAll
    static void start() {
        session = LocalSpark.start();
    }

    @AfterAll
    static void stop() {
        LocalSpark.stop(session);
    }

    @AfterEach
    void leavesNoThreadBehind() throws Exception {
        for (StreamingQuery query : session.streams().active()) {
            query.stop();
        }
        session.streams().resetTerminated();
        await().untilAsserted(() -> assertThat(Thread.getAllStackTraces().keySet())
                .extracting(Thread::getName)
                .noneMatch(name -> name.startsWith("millrace") || name.startsWith("stream execution thread")));
    }

    @Test
    void reportsProgressOfEachEpoch() throws Exception {
        LowLatencyMemoryStream<Long> numbers = LocalSpark.numbers(session, 2);
        StreamingQuery query = LocalSpark.collecting(numbers.toDF(), new Collector("progress"))
                .trigger(every(100))
                .start();
        LocalSpark.add(numbers, LongStream.range(0, 100).toArray());
        query.processAllAvailable();

        await().until(() -> query.recentProgress().length > 3);
        StreamingQueryProgress[] all = query.recentProgress();
        for (int i = 0; i < all.length; i++) {
            assertThat(all[i].batchId()).isEqualTo(all[0].batchId() + i);
        }
        assertThat(List.of(all))
                .extracting(StreamingQueryProgress::numInputRows)
                .contains(0L);
        assertThat(List.of(all).stream()
                        .mapToLong(StreamingQueryProgress::numInputRows)
                        .sum())
                .isEqualTo(100);
        assertThat(List.of(all).stream()
                        .mapToLong(p -> p.sink().numOutputRows())
                        .sum())
                .isEqualTo(100);
        StreamingQueryProgress last = query.lastProgress();
        assertThat(last.sources()[0].endOffset()).isEqualTo("{\"0\":50,\"1\":50}");
        assertThat(last.sources()[0].latestOffset()).isEqualTo("{\"0\":50,\"1\":50}");
        assertThat(last.durationMs()).containsKeys("triggerExecution", "walCommit", "addBatch", "commitOffsets");
        assertThat(last.json()).contains("\"batchId\"");
        // Rows of an epoch may be written while the one before it is being reported.
        assertThat(List.of(all))
                .extracting(p -> p.sink().metrics().get("latency.p99"))
                .filteredOn(latency -> latency != null)
                .isNotEmpty()
                .allSatisfy(latency -> assertThat(Double.parseDouble(latency)).isPositive());
        assertThat(query.status().isTriggerActive()).isTrue();
        assertThat(query.status().message()).isEqualTo("Waiting for data to arrive");
        query.explain();
        query.stop();
        assertThat(query.status().isTriggerActive()).isFalse();
        assertThat(query.exception().isDefined()).isFalse();
    }

    @Test
    void processesAllAvailableLongBeforeALongEpochEnds() throws Exception {
        LowLatencyMemoryStream<Long> numbers = LocalSpark.numbers(session, 2);
        Collector collector = new Collector("long epoch");
        StreamingQuery query = LocalSpark.collecting(numbers.toDF(), collector)
                .trigger(every(3_600_000))
                .start();
        for (long i = 0; i < 5; i++) {
            LocalSpark.add(numbers, i);
            query.processAllAvailable();
            assertThat(collector.taken()).hasSize((int) i + 1);
        }
        var execution = LocalSpark.execution(query);
        LocalSpark.add(numbers, 5);
        var target = numbers.latestOffset(
                numbers.initialOffset(), org.apache.spark.sql.connector.read.streaming.ReadLimit.allAvailable());
        execution.awaitOffset(0, target, 10_000);
        assertThat(execution.committedOffsets().get(numbers).get()).isEqualTo(target);
        assertThat(collector.taken()).hasSize(6);
    }

    @Test
    void refusesASecondQueryOfTheSameName() throws Exception {
        StreamingQuery first = start("twice", null);

        assertThatThrownBy(() -> start("twice", null))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("Cannot start query with name twice");
        assertThatThrownBy(() -> LocalSpark.numbers(session, 1)
                        .toDF()
                        .writeStream()
                        .queryName("twice")
                        .foreach(new Collector("stock twice"))
                        .outputMode("update")
                        .start())
                .isInstanceOf(IllegalArgumentException.class);
        assertThat(first.isActive()).isTrue();
    }

    @Test
    void stopsTheActiveRunOfTheSameCheckpointOrRefuses() throws Exception {
        StreamingQuery first = start(null, "shared");
        StreamingQuery second = start(null, "shared");

        assertThat(first.isActive()).isFalse();
        assertThat(second.id()).isEqualTo(first.id());
        assertThat(second.runId()).isNotEqualTo(first.runId());
        session.conf().set("spark.sql.streaming.stopActiveRunOnRestart", "false");
        try {
            assertThatThrownBy(() -> start(null, "shared"))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("already active");
        } finally {
            session.conf().unset("spark.sql.streaming.stopActiveRunOnRestart");
        }
        assertThat(second.isActive()).isTrue();
    }

    @Test
    void endsWithTheUsersErrorWhenAFunctionThrows() throws Exception {
        LowLatencyMemoryStream<Long> numbers = LocalSpark.numbers(session, 2);
        Dataset<Row> broken = numbers.toDF().select(udf(value -> {
            if (value == 3) {
                throw new IllegalStateException("three is bad");
            }
            return value;
        }));
        StreamingQuery query =
                LocalSpark.collecting(broken, new Collector("broken")).start();
        LocalSpark.add(numbers, 1, 2, 3);

        StreamingQueryException failure = catchThrowableOfType(StreamingQueryException.class, query::awaitTermination);
        assertThat(failure.getMessage()).contains("MILLRACE_USER_CODE").contains("epoch=");
        assertThat(failure.cause())
                .hasRootCauseMessage("three is bad")
                .isInstanceOfSatisfying(SparkThrowable.class, known -> {
                    assertThat(known.getCondition()).isEqualTo("MILLRACE_USER_CODE");
                    assertThat(known.getSqlState()).isEqualTo("39000");
                });
        assertThat(query.isActive()).isFalse();
        assertThat(query.exception().isDefined()).isTrue();
        assertThatThrownBy(query::processAllAvailable).isInstanceOf(StreamingQueryException.class);
        assertThatThrownBy(() -> session.streams().awaitAnyTermination()).isInstanceOf(StreamingQueryException.class);
    }

    @Test
    void endsWithTheUsersErrorWhenASinkThrows() throws Exception {
        LowLatencyMemoryStream<Long> numbers = LocalSpark.numbers(session, 1);
        StreamingQuery query = numbers.toDF()
                .writeStream()
                .foreach(new BrokenWriter())
                .outputMode("update")
                .trigger(every(200))
                .start();
        LocalSpark.add(numbers, 1);

        assertThatThrownBy(query::awaitTermination)
                .isInstanceOf(StreamingQueryException.class)
                .hasMessageContaining("MILLRACE_USER_CODE")
                .hasRootCauseMessage("sink is full");
    }

    @Test
    void stopsWhileAFunctionBlocks() throws Exception {
        CountDownLatch entered = new CountDownLatch(1);
        Blocking.entered = entered;
        LowLatencyMemoryStream<Long> numbers = LocalSpark.numbers(session, 1);
        StreamingQuery query = LocalSpark.collecting(
                        numbers.toDF().select(udf(Blocking::block)), new Collector("blocked"))
                .start();
        LocalSpark.add(numbers, 1);
        assertThat(entered.await(30, TimeUnit.SECONDS)).isTrue();

        query.stop();
        assertThat(query.exception().isDefined()).isFalse();
        assertThat(query.isActive()).isFalse();
    }

    @Test
    void stopsWhileASinkHeedsNoInterrupt() throws Exception {
        CountDownLatch release = new CountDownLatch(1);
        StubbornWriter.entered = new CountDownLatch(1);
        StubbornWriter.release = release;
        LowLatencyMemoryStream<Long> numbers = LocalSpark.numbers(session, 1);
        StreamingQuery query = numbers.toDF()
                .writeStream()
                .foreach(new StubbornWriter())
                .outputMode("update")
                .trigger(every(200))
                .start();
        try {
            LocalSpark.add(numbers, 1);
            assertThat(StubbornWriter.entered.await(30, TimeUnit.SECONDS)).isTrue();
            query.stop();
            assertThat(query.isActive()).isFalse();
        } finally {
            release.countDown();
        }
    }

    @Test
    void waitsForAThreadThatHeedsNoInterruptAsLongAsSparksSettingSays() throws Exception {
        StubbornWriter.entered = new CountDownLatch(1);
        StubbornWriter.release = new CountDownLatch(1);
        LowLatencyMemoryStream<Long> numbers = LocalSpark.numbers(session, 1);
        StreamingQuery query = numbers.toDF()
                .writeStream()
                .foreachBatch((VoidFunction2<Dataset<Row>, Long>) (rows, epoch) -> StubbornWriter.block())
                .outputMode("update")
                .trigger(every(200))
                .start();
        LocalSpark.add(numbers, 1);
        assertThat(StubbornWriter.entered.await(30, TimeUnit.SECONDS)).isTrue();
        session.conf().set("spark.sql.streaming.stopTimeout", "1ms");
        try {
            assertThatThrownBy(query::stop)
                    .isInstanceOf(TimeoutException.class)
                    .hasMessageContaining("heeds no interrupt");
        } finally {
            session.conf().unset("spark.sql.streaming.stopTimeout");
            StubbornWriter.release.countDown();
        }
        query.stop();
        assertThat(query.isActive()).isFalse();
    }

    @Test
    void explainsItsDataflow() throws Exception {
        StreamingQuery query = start("explained", null);
        await().untilAsserted(() -> assertThat(LocalSpark.execution(query).explainInternal(false))
                .contains("Dataflow")
                .contains("ForeachSink"));
    }

    @Test
    void stopsBehindALastEpoch() throws Exception {
        LowLatencyMemoryStream<Long> numbers = LocalSpark.numbers(session, 1);
        Collector collector = new Collector("last epoch");
        StreamingQuery query = LocalSpark.collecting(numbers.toDF(), collector)
                .trigger(every(3_600_000))
                .start();
        LocalSpark.add(numbers, 1, 2, 3);
        await().until(() -> collector.taken().size() == 3);
        query.stop();

        assertThat(query.lastProgress().sources()[0].endOffset()).isEqualTo("{\"0\":3}");
    }

    @Test
    void refusesWhatCannotRunBeforeItStarts() {
        Dataset<Row> numbers = LocalSpark.numbers(session, 1).toDF();
        assertRefused("MILLRACE_UNSUPPORTED_TRIGGER", () -> LocalSpark.collecting(numbers, new Collector("x"))
                .trigger(every(99))
                .start());
        Dataset<Row> files = session.readStream().text(folder.toString()).selectExpr("input_file_name()");
        assertRefused(
                "MILLRACE_UNSUPPORTED_OPERATOR",
                () -> files.writeStream().format("console").trigger(every(200)).start());
    }

    @Test
    void refusesSettingsThatItCannotFollow() {
        session.conf().set("spark.millrace.loops", "many");
        try {
            assertRefused("MILLRACE_UNSUPPORTED_SETTING", () -> start(null, null));
        } finally {
            session.conf().unset("spark.millrace.loops");
        }
    }

    private static void assertRefused(String code, org.assertj.core.api.ThrowableAssert.ThrowingCallable start) {
        assertThatThrownBy(start)
                .isInstanceOf(MillraceException.class)
                .hasMessageStartingWith("[%s] ".formatted(code))
                .isInstanceOfSatisfying(SparkThrowable.class, known -> assertThat(known.getCondition())
                        .isEqualTo(code));
        assertThat(session.streams().active()).isEmpty();
    }

    private static org.apache.spark.sql.Column udf(UDF1<Long, Long> function) {
        return functions.udf(function, DataTypes.LongType).apply(functions.col("value"));
    }

    private StreamingQuery start(String name, String checkpoint) throws Exception {
        LowLatencyMemoryStream<Long> numbers = LocalSpark.numbers(session, 1);
        var writer = LocalSpark.collecting(numbers.toDF(), new Collector("any"));
        if (name != null) {
            writer.queryName(name);
        }
        if (checkpoint != null) {
            writer.option("checkpointLocation", folder.resolve(checkpoint).toString());
        }
        return writer.start();
    }

    /** A function that does not return until it is interrupted. */
    private static final class Blocking {
        private static volatile CountDownLatch entered;

        static long block(long value) throws InterruptedException {
            entered.countDown();
            new CountDownLatch(1).await();
            return value;
        }
    }

    private static final class StubbornWriter extends ForeachWriter<Row> {
        private static final long serialVersionUID = 1L;
        private static volatile CountDownLatch entered;
        private static volatile CountDownLatch release;

        @Override
        public boolean open(long partitionId, long epochId) {
            return true;
        }

        @Override
        public void process(Row row) {
            block();
        }

        static void block() {
            entered.countDown();
            boolean waiting = true;
            while (waiting) {
                try {
                    waiting = !release.await(1, TimeUnit.MINUTES);
                } catch (InterruptedException e) {
                    waiting = true; // stubborn
                }
            }
        }

        @Override
        public void close(Throwable error) {}
    }

    private static final class BrokenWriter extends ForeachWriter<Row> {
        private static final long serialVersionUID = 1L;

        @Override
        public boolean open(long partitionId, long epochId) {
            return true;
        }

        @Override
        public void process(Row row) {
            throw new IllegalStateException("sink is full");
        }

        @Override
        public void close(Throwable error) {}
    }
}
