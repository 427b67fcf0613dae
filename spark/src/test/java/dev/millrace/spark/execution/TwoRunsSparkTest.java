package dev.millrace.spark.execution;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.millrace.spark.LocalSpark;
import dev.millrace.spark.outside.CountingQuery;
import dev.millrace.spark.outside.NumbersProvider;
import dev.millrace.spark.outside.ObjectStore;
import dev.millrace.spark.outside.Traps;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.streaming.StreamingQuery;
import org.apache.spark.sql.streaming.StreamingQueryException;
import org.awaitility.core.ConditionFactory;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Two runs of a query on one checkpoint, on a store that creates nothing exclusively: one sleeps in the midst of a
 * commit while the other takes over, and learns of it when it wakes. They have a session each, of which neither knows
 * the queries of the other, as two processes have.
 */
@Timeout(180)
final class TwoRunsSparkTest {
    private static final long ROWS = 400;
    private static SparkSession session;
    private static SparkSession other;
    private static int stores;

    @TempDir
    private Path folder;

    @BeforeAll
    static void start() {
        session = LocalSpark.start();
        org.apache.spark.sql.SparkSession.clearActiveSession();
        org.apache.spark.sql.SparkSession.clearDefaultSession();
        other = LocalSpark.start();
        ObjectStore.register(session.sparkContext().hadoopConfiguration());
    }

    @AfterAll
    static void stop() {
        LocalSpark.stop(session);
    }

    @AfterEach
    void leavesNoQueryBehind() throws Exception {
        Traps.disarmAll();
        NumbersProvider.release(Long.MAX_VALUE);
        for (SparkSession each : new SparkSession[] {session, other}) {
            for (StreamingQuery query : each.streams().active()) {
                query.stop();
            }
            each.streams().resetTerminated();
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "rename into manifests",
                "renamed into manifests",
                "rename into offsets",
                "renamed into offsets",
                "commit",
                "committed",
                "rename into commits",
                "renamed into commits"
            })
    void onlyOneGoesOn(String place) throws Exception {
        CountingQuery counting =
                new CountingQuery(ROWS, 1_000_000, "objects://store/two-runs-" + stores++, folder.resolve("out"));
        NumbersProvider.release(100);
        StreamingQuery first = counting.start(session);
        patiently()
                .until(() ->
                        first.lastProgress() != null && first.lastProgress().batchId() >= 2);
        CountDownLatch sleeps = new CountDownLatch(1);
        CountDownLatch wakes = new CountDownLatch(1);
        Traps.arm(place, () -> {
            if (Thread.currentThread().getName().contains(first.runId().toString())) {
                sleeps.countDown();
                wakes.await();
            }
        });
        NumbersProvider.release(200);
        assertThat(sleeps.await(60, TimeUnit.SECONDS)).isTrue();

        StreamingQuery second = counting.start(other);
        assertThat(second.id()).isEqualTo(first.id());
        patiently().until(() -> second.lastProgress() != null);
        long before = second.lastProgress().batchId();
        NumbersProvider.release(300);
        patiently().until(() -> second.lastProgress().batchId() >= before + 2);

        wakes.countDown();
        assertThatThrownBy(() -> first.awaitTermination(60_000))
                .isInstanceOf(StreamingQueryException.class)
                .hasMessageContaining("MILLRACE_FENCED")
                .hasMessageContaining("run=" + second.runId());
        NumbersProvider.release(ROWS);
        patiently().untilAsserted(() -> assertThat(counting.answer()).isEqualTo(counting.batchAnswer(session)));
        second.stop();
        assertThat(second.exception().isDefined()).isFalse();
    }

    private static ConditionFactory patiently() {
        return await().atMost(Duration.ofSeconds(60));
    }
}
