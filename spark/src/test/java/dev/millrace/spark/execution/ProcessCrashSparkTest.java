package dev.millrace.spark.execution;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.millrace.spark.LocalSpark;
import dev.millrace.spark.outside.CountingProcess;
import dev.millrace.spark.outside.CountingQuery;
import java.nio.file.Path;
import java.time.Duration;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.streaming.StreamingQuery;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Processes that die, and processes that only seem to. */
@Timeout(180)
final class ProcessCrashSparkTest {
    @TempDir
    private Path folder;

    @Test
    void countsOnAsIfNothingHadHappenedAfterAKillAndATakeOver() throws Exception {
        CountingQuery counting =
                new CountingQuery(3_000, 500, folder.resolve("checkpoint").toString(), folder.resolve("out"));
        Path log = folder.resolve("log");
        try (CountingProcess first = CountingProcess.start(counting, log)) {
            first.awaitLine("committed", 4);
            first.kill();
        }
        try (CountingProcess second = CountingProcess.start(counting, log)) {
            second.awaitLine("committed", 3);
            takeOver(counting, second);
        }
    }

    /** This process runs the query too; the other one learns that it is not the only one any more, and ends. */
    private static void takeOver(CountingQuery counting, CountingProcess other) throws Exception {
        SparkSession session = LocalSpark.start();
        try {
            StreamingQuery query = counting.start(session);
            assertThat(other.awaitLine("ended", 1)).contains("MILLRACE_FENCED");
            await().atMost(Duration.ofSeconds(60))
                    .untilAsserted(() -> assertThat(counting.answer()).isEqualTo(counting.batchAnswer(session)));
            query.stop();
            assertThat(query.exception().isDefined()).isFalse();
        } finally {
            LocalSpark.stop(session);
        }
    }
}
