package dev.millrace.spark.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.millrace.spark.LocalSpark;
import dev.millrace.spark.standalone.NetworkNamespaces;
import dev.millrace.spark.standalone.StandaloneCluster;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.LongStream;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.execution.streaming.sources.LowLatencyMemoryStream;
import org.apache.spark.sql.streaming.StreamingQuery;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** Two executors as on two machines, with a network between them that is slow, loses packets, or is cut. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class CutNetworkSparkTest {
    private static final Duration PATIENCE = Duration.ofSeconds(120);

    private NetworkNamespaces network;
    private StandaloneCluster cluster;
    private SparkSession session;

    @TempDir
    private Path folder;

    @BeforeAll
    void start() throws Exception {
        Optional<String> missing = NetworkNamespaces.missing();
        assumeTrue(missing.isEmpty(), () -> "skipped, because this machine has no " + missing.orElseThrow());
        network = NetworkNamespaces.create();
        Optional<String> unreachable = network.unreachable();
        assumeTrue(unreachable.isEmpty(), () -> "skipped, because this machine has no " + unreachable.orElseThrow());
        cluster = StandaloneCluster.start(Path.of("target/clusters"), network.here(), network.hosts(), 2);
        Map<String, String> settings = new HashMap<>(cluster.settings());
        settings.put("spark.millrace.workers", "2");
        settings.put("spark.millrace.detection", "2s");
        session = LocalSpark.start(cluster.master(), settings);
    }

    @AfterAll
    void stop() {
        if (session != null) {
            LocalSpark.stop(session);
        }
        if (cluster != null) {
            cluster.close();
        }
        if (network != null) {
            network.close();
        }
    }

    @Test
    void answersAsSparkDoesOverALinkThatDelaysAndLoses() throws Exception {
        assumeQueue("netem", "delay", "20ms", "5ms", "loss", "2%");
        assertAnswersAsSparkDoes("netem");
    }

    /** What does not get through in time is dropped, so this delays and loses too, as a link that is too narrow. */
    @Test
    void answersAsSparkDoesOverALinkThatIsTooNarrow() throws Exception {
        assumeQueue("tbf", "rate", "400kbit", "burst", "3000", "latency", "40ms");
        assertAnswersAsSparkDoes("narrow");
    }

    private void assumeQueue(String... words) {
        Optional<String> missing = network.queue(words);
        assumeTrue(missing.isEmpty(), () -> "skipped, because this machine's kernel has no " + missing.orElseThrow());
    }

    private void assertAnswersAsSparkDoes(String name) throws Exception {
        LowLatencyMemoryStream<Long> numbers = LocalSpark.numbers(session, 4);
        StreamingQuery query = start(numbers, name);
        try {
            for (long from = 0; from < 6_000; from += 1_000) {
                LocalSpark.add(numbers, range(from, from + 1_500));
            }
            query.processAllAvailable();
        } finally {
            query.stop();
            Optional<String> unused = network.queue("pfifo");
        }
        assertWritten(name, 6_500);
    }

    @Test
    void goesOnWithOneOfTwoThatDoNotReachEachOtherAndTakesTheOtherInOnceTheyDo() throws Exception {
        LowLatencyMemoryStream<Long> numbers = LocalSpark.numbers(session, 4);
        StreamingQuery query = start(numbers, "cut");
        try {
            LocalSpark.add(numbers, range(0, 500));
            query.processAllAvailable();
            network.cut();
            LocalSpark.add(numbers, range(250, 1_000));
            query.processAllAvailable();
            assertThat(WorkerPool.running().members())
                    .as("both are there for the driver")
                    .hasSize(2);
            await().atMost(PATIENCE).until(() -> query.status().message().contains("do not reach each other"));
            network.heal();
            await().atMost(PATIENCE).until(() -> {
                LocalSpark.add(numbers, range(1_000, 1_001)); // an epoch for the change to come at the end of
                return !query.status().message().contains("do not reach each other");
            });
            LocalSpark.add(numbers, range(500, 1_500));
            query.processAllAvailable();
        } finally {
            query.stop();
        }
        assertWritten("cut", 1_500);
    }

    private static long[] range(long from, long to) {
        return LongStream.range(from, to).toArray();
    }

    private StreamingQuery start(LowLatencyMemoryStream<Long> numbers, String name) throws Exception {
        return numbers.toDF()
                .dropDuplicates("value")
                .writeStream()
                .format("parquet")
                .outputMode("append")
                .option("checkpointLocation", folder.resolve(name).toString())
                .trigger(LocalSpark.every(200))
                .start(files(name));
    }

    private String files(String name) {
        return folder.resolve(name + "-files").toString();
    }

    /** Each number once, as Spark's own answer over all numbers has them. */
    private void assertWritten(String name, long count) {
        Dataset<Long> written = session.read().parquet(files(name)).as(Encoders.LONG());
        List<Long> all = written.collectAsList().stream().sorted().toList();
        assertThat(all).isEqualTo(LongStream.range(0, count).boxed().toList());
    }
}
