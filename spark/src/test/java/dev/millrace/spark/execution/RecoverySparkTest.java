package dev.millrace.spark.execution;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.millrace.spark.LocalSpark;
import dev.millrace.spark.LocalSpark.Collector;
import dev.millrace.spark.outside.CountingQuery;
import dev.millrace.spark.outside.NumbersProvider;
import dev.millrace.spark.outside.ObjectStore;
import dev.millrace.spark.outside.Traps;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashSet;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.execution.streaming.sources.LowLatencyMemoryStream;
import org.apache.spark.sql.streaming.StreamingQuery;
import org.apache.spark.sql.streaming.StreamingQueryException;
import org.awaitility.core.ConditionFactory;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A query whose outside breaks goes on from its checkpoint, in place, as if nothing had happened. */
@Timeout(120)
final class RecoverySparkTest {
    private static final long ROWS = 400;
    private static final String OBJECTS = "objects://store/checkpoint-";
    private static SparkSession session;
    private static int stores;

    @TempDir
    private Path folder;

    @BeforeAll
    static void start() {
        session = LocalSpark.start();
        ObjectStore.register(session.sparkContext().hadoopConfiguration());
    }

    @AfterAll
    static void stop() {
        LocalSpark.stop(session);
    }

    @AfterEach
    void leavesNoThreadBehind() throws Exception {
        Traps.disarmAll();
        NumbersProvider.release(Long.MAX_VALUE);
        for (StreamingQuery query : session.streams().active()) {
            query.stop();
        }
        session.streams().resetTerminated();
        session.conf().unset("spark.millrace.recovery.attempts");
        session.conf().unset("spark.millrace.recovery.backoff");
        patiently().untilAsserted(() -> assertThat(Thread.getAllStackTraces().keySet())
                .extracting(Thread::getName)
                .noneMatch(name -> name.startsWith("millrace") || name.startsWith("stream execution thread")));
    }

    @ParameterizedTest
    @ValueSource(strings = {"read", "function", "write", "prepare", "commit", "committed"})
    void goesOnInPlaceWhenAPartFails(String place) throws Exception {
        CountingQuery counting = query(folder.resolve("checkpoint").toString());
        StreamingQuery query = startAndCommitHalf(counting);
        AtomicInteger left = Traps.armTimes(place, 1);
        NumbersProvider.release(ROWS);

        awaitAnswer(counting);
        assertThat(left).hasValue(0);
        patiently().until(() -> query.lastProgress().sink().metrics().containsKey("recoveries"));
        assertThat(query.lastProgress().sink().metrics()).containsEntry("recoveries", "1");
        query.stop();
        assertThat(query.exception().isDefined()).isFalse();
    }

    @Test
    void replaysNothingAfterAStop() throws Exception {
        CountingQuery counting = query(folder.resolve("checkpoint").toString());
        startAndCommitHalf(counting).stop();
        AtomicInteger read = new AtomicInteger();
        Traps.arm("read", read::incrementAndGet);
        NumbersProvider.release(ROWS);
        StreamingQuery again = counting.start(session);

        awaitAnswer(counting);
        again.stop();
        assertThat(read).hasValue((int) ROWS);
    }

    @Test
    void saysWhatItDoesAndStopsAtOnceWhileItWaits() throws Exception {
        session.conf().set("spark.millrace.recovery.backoff", "10s");
        StreamingQuery query =
                startAndCommitHalf(query(folder.resolve("checkpoint").toString()));
        Traps.armTimes("read", Integer.MAX_VALUE);
        NumbersProvider.release(ROWS);

        patiently().until(() -> query.status().message().startsWith("Recovering from a failure, attempt 2"));
        assertThat(query.status().message()).contains("trap at read");
        assertThat(query.isActive()).isTrue();
        long start = System.nanoTime();
        query.stop();
        assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Duration.ofSeconds(5));
        assertThat(query.exception().isDefined()).isFalse();
    }

    @Test
    void hasNotFailedWhereAStopInterruptsItsStorage() throws Exception {
        StreamingQuery query =
                startAndCommitHalf(query(folder.resolve("checkpoint").toString()));
        CountDownLatch committing = new CountDownLatch(1);
        Traps.arm("commit", () -> {
            committing.countDown();
            try {
                new CountDownLatch(1).await();
            } catch (InterruptedException e) {
                throw new IOException("as storage does", new java.nio.channels.ClosedByInterruptException());
            }
        });
        NumbersProvider.release(ROWS);

        committing.await();
        query.stop();
        assertThat(query.exception().isDefined()).isFalse();
    }

    @Test
    void endsWhenItsAttemptsAreUsedUp() throws Exception {
        session.conf().set("spark.millrace.recovery.attempts", "2");
        session.conf().set("spark.millrace.recovery.backoff", "1ms");
        StreamingQuery query =
                startAndCommitHalf(query(folder.resolve("checkpoint").toString()));
        AtomicInteger left = Traps.armTimes("read", Integer.MAX_VALUE);
        NumbersProvider.release(ROWS);

        assertThatThrownBy(query::awaitTermination)
                .isInstanceOf(StreamingQueryException.class)
                .hasMessageContaining("MILLRACE_SOURCE_FAILED")
                .hasMessageContaining("epoch=");
        // Each of three dataflows has two readers.
        assertThat(Integer.MAX_VALUE - left.get()).isBetween(3, 6);
    }

    @Test
    void keepsItsCheckpointOnAnObjectStoreThatFailsForAWhile() throws Exception {
        CountingQuery counting = query(OBJECTS + stores++);
        StreamingQuery query = startAndCommitHalf(counting);
        AtomicInteger refused = new AtomicInteger();
        Traps.arm("store", () -> {
            refused.incrementAndGet();
            throw new IOException("the store is read-only");
        });
        NumbersProvider.release(ROWS - 50);
        patiently().until(() -> refused.get() > 3);
        Traps.disarmAll();
        patiently().until(() -> query.lastProgress().sink().metrics().containsKey("recoveries"));
        query.stop();

        NumbersProvider.release(ROWS);
        StreamingQuery again = counting.start(session);
        awaitAnswer(counting);
        again.stop();
        assertThat(again.exception().isDefined()).isFalse();
    }

    @Test
    void letsNoRowWaitForSlowStorage() throws Exception {
        LowLatencyMemoryStream<Long> numbers = LocalSpark.numbers(session, 2);
        Collector collector = new Collector("slow storage");
        StreamingQuery query = LocalSpark.collecting(
                        numbers.toDF().groupBy("value").count().select("value"), collector)
                .option("checkpointLocation", OBJECTS + stores++)
                .trigger(LocalSpark.every(100))
                .start();
        LocalSpark.add(numbers, 1);
        query.processAllAvailable();
        CountDownLatch storeAnswers = new CountDownLatch(1);
        CountDownLatch storeAsked = new CountDownLatch(1);
        Traps.arm("store", () -> {
            storeAsked.countDown();
            storeAnswers.await();
        });
        assertThat(storeAsked.await(30, TimeUnit.SECONDS)).isTrue();
        long epoch = query.lastProgress().batchId();
        for (long value = 2; value < 40; value++) {
            long expected = value;
            LocalSpark.add(numbers, value);
            patiently().until(() -> collector.taken().contains(expected));
        }
        assertThat(query.lastProgress().batchId()).isLessThanOrEqualTo(epoch + 1);
        storeAnswers.countDown();
        patiently().until(() -> query.lastProgress().batchId() > epoch + 2);
        query.stop();
        assertThat(new HashSet<>(collector.taken())).hasSize(39);
        assertThat(collector.taken()).hasSize(39);
    }

    /** Recovery waits longer and longer, and machines that build are busy. */
    private static ConditionFactory patiently() {
        return await().atMost(Duration.ofSeconds(60));
    }

    private CountingQuery query(String checkpoint) {
        return new CountingQuery(ROWS, 1_000_000, checkpoint, folder.resolve("out"));
    }

    /** The first half of the rows is committed: the query has run. */
    private static StreamingQuery startAndCommitHalf(CountingQuery counting) throws Exception {
        NumbersProvider.release(ROWS / 2);
        StreamingQuery query = counting.start(session);
        patiently()
                .until(() -> query.lastProgress() != null
                        && query.lastProgress().sources()[0].endOffset().equals("[200,200]"));
        return query;
    }

    private static void awaitAnswer(CountingQuery counting) {
        patiently().untilAsserted(() -> assertThat(counting.answer()).isEqualTo(counting.batchAnswer(session)));
    }
}
