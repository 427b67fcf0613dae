package dev.millrace.spark.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.millrace.spark.LocalSpark;
import dev.millrace.spark.standalone.StandaloneCluster;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.execution.streaming.sources.LowLatencyMemoryStream;
import org.apache.spark.sql.streaming.StreamingQuery;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Applications that set nothing, whose executors are of no use to a query: it runs in the driver, where its collector
 * is.
 */
class DefaultWorkersSparkTest {
    private static final Duration PATIENCE = Duration.ofSeconds(90);

    @TempDir
    private Path checkpoints;

    @Test
    void leavesExecutorsWithOneCoreToSparksOwnJobs() throws Exception {
        assertRunsInTheDriver(1, Map.of(), 1);
    }

    @Test
    void runsInTheDriverWhileThereAreNoExecutors() throws Exception {
        assertRunsInTheDriver(2, Map.of("spark.executor.memory", "100g", "spark.millrace.workers.timeout", "500ms"), 0);
    }

    private void assertRunsInTheDriver(int coresEach, Map<String, String> set, int executors) throws Exception {
        try (StandaloneCluster cluster = StandaloneCluster.start(Path.of("target/clusters"), 1, coresEach, Map.of())) {
            Map<String, String> settings = new HashMap<>(cluster.settings());
            settings.putAll(set);
            SparkSession session = LocalSpark.start(cluster.master(), settings);
            try {
                await().atMost(PATIENCE)
                        .until(() ->
                                WorkerJobs.executors(session.sparkContext()).size() == executors);
                assertThat(collected(session)).containsExactlyInAnyOrder(1L, 2L, 3L);
            } finally {
                LocalSpark.stop(session);
            }
        }
    }

    private List<Long> collected(SparkSession session) throws Exception {
        LowLatencyMemoryStream<Long> numbers = LocalSpark.numbers(session, 2);
        LocalSpark.Collector collector = new LocalSpark.Collector("default workers");
        StreamingQuery query = LocalSpark.collecting(numbers.toDF(), collector)
                .option("checkpointLocation", checkpoints.toString())
                .start();
        try {
            LocalSpark.add(numbers, 1, 2, 3);
            query.processAllAvailable();
        } finally {
            query.stop();
        }
        return List.copyOf(collector.taken());
    }
}
