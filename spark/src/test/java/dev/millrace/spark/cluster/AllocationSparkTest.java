package dev.millrace.spark.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.millrace.spark.LocalSpark;
import dev.millrace.spark.standalone.StandaloneCluster;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.LongStream;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.execution.streaming.sources.LowLatencyMemoryStream;
import org.apache.spark.sql.streaming.StreamingQuery;
import org.apache.spark.sql.streaming.StreamingQueryException;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** Applications that have executors of no use to a query, or none, or as many as they ask for. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class AllocationSparkTest {
    private static final Duration PATIENCE = Duration.ofSeconds(90);

    private StandaloneCluster cluster;

    @TempDir
    private Path folder;

    @BeforeAll
    void start() throws Exception {
        cluster = StandaloneCluster.start(Path.of("target/clusters"), 2, 2, Map.of());
    }

    @AfterAll
    void stop() {
        cluster.close();
    }

    private SparkSession session(Map<String, String> set) {
        Map<String, String> settings = new HashMap<>(cluster.settings());
        settings.putAll(set);
        return LocalSpark.start(cluster.master(), settings);
    }

    private static int executors(SparkSession session) {
        return WorkerJobs.executors(session.sparkContext()).size();
    }

    @Test
    void leavesExecutorsWithOneCoreToSparksOwnJobs() throws Exception {
        assertRunsInTheDriver(Map.of("spark.executor.cores", "1", "spark.cores.max", "1"), 1);
    }

    @Test
    void runsInTheDriverWhileThereAreNoExecutors() throws Exception {
        assertRunsInTheDriver(Map.of("spark.executor.memory", "100g", "spark.millrace.workers.timeout", "500ms"), 0);
    }

    /** The driver is where its collector is. */
    private void assertRunsInTheDriver(Map<String, String> set, int executors) throws Exception {
        SparkSession session = session(set);
        try {
            await().atMost(PATIENCE).until(() -> executors(session) == executors);
            assertThat(collected(session)).containsExactlyInAnyOrder(1L, 2L, 3L);
        } finally {
            LocalSpark.stop(session);
        }
    }

    private List<Long> collected(SparkSession session) throws Exception {
        LowLatencyMemoryStream<Long> numbers = LocalSpark.numbers(session, 2);
        LocalSpark.Collector collector = new LocalSpark.Collector("default workers");
        StreamingQuery query = LocalSpark.collecting(numbers.toDF(), collector)
                .option("checkpointLocation", folder.toString())
                .start();
        try {
            LocalSpark.add(numbers, 1, 2, 3);
            query.processAllAvailable();
        } finally {
            query.stop();
        }
        return List.copyOf(collector.taken());
    }

    @Test
    void saysThatDynamicAllocationMustKnowTheCoresOfExecutors() throws Exception {
        Map<String, String> settings = new HashMap<>(cluster.settings());
        settings.remove("spark.executor.cores");
        settings.put("spark.dynamicAllocation.enabled", "true");
        settings.put("spark.dynamicAllocation.shuffleTracking.enabled", "true");
        settings.put("spark.millrace.workers", "1");
        settings.put("spark.millrace.workers.timeout", "500ms");
        SparkSession session = LocalSpark.start(cluster.master(), settings);
        try {
            assertThatThrownBy(() -> collected(session))
                    .isInstanceOf(StreamingQueryException.class)
                    .hasMessageContaining("executors=0")
                    .hasMessageContaining("set spark.executor.cores to two or more");
        } finally {
            LocalSpark.stop(session);
        }
    }

    @Test
    void takesExecutorsAndGivesThemBackUnderDynamicAllocation() throws Exception {
        SparkSession session = session(Map.of(
                "spark.dynamicAllocation.enabled", "true",
                "spark.dynamicAllocation.shuffleTracking.enabled", "true",
                "spark.dynamicAllocation.executorIdleTimeout", "1s"));
        try {
            String files = folder.resolve("files").toString();
            LowLatencyMemoryStream<Long> numbers = LocalSpark.numbers(session, 4);
            StreamingQuery query = numbers.toDF()
                    .dropDuplicates("value")
                    .writeStream()
                    .format("parquet")
                    .outputMode("append")
                    .option("checkpointLocation", folder.resolve("checkpoint").toString())
                    .trigger(LocalSpark.every(200))
                    .start(files);
            try {
                long rows = 0;
                for (String workers : List.of("", "2", "1")) {
                    if (!workers.isEmpty()) {
                        session.conf().set("spark.millrace.workers", workers);
                    }
                    int expected = workers.isEmpty() ? 1 : Integer.parseInt(workers);
                    await().atMost(PATIENCE)
                            .until(() -> query.status().message().contains("on %d worker".formatted(expected))
                                    && executors(session) == expected);
                    rows += 300;
                    LocalSpark.add(numbers, LongStream.range(0, rows).toArray());
                    query.processAllAvailable();
                }
            } finally {
                query.stop();
            }
            // A job of Spark's own, for which there is an executor beside the worker's.
            assertThat(session.read().parquet(files).as(Encoders.LONG()).collectAsList())
                    .containsExactlyInAnyOrderElementsOf(
                            LongStream.range(0, 900).boxed().toList());
        } finally {
            LocalSpark.stop(session);
        }
    }
}
