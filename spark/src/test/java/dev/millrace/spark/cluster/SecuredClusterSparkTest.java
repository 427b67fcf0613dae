package dev.millrace.spark.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.spark.LocalSpark;
import dev.millrace.spark.standalone.StandaloneCluster;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.LongStream;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.execution.streaming.sources.LowLatencyMemoryStream;
import org.apache.spark.sql.streaming.StreamingQuery;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A query on two executors whose processes authenticate each other and encrypt what they say. */
class SecuredClusterSparkTest {
    private static final Map<String, String> SECURITY = Map.of(
            "spark.authenticate", "true",
            "spark.authenticate.secret", "known to all",
            "spark.network.crypto.enabled", "true");

    @Test
    void runsUnderAuthenticationAndEncryption(@TempDir Path folder) throws Exception {
        try (StandaloneCluster cluster = StandaloneCluster.start(Path.of("target/clusters"), 2, 2, SECURITY)) {
            Map<String, String> settings = new HashMap<>(cluster.settings());
            settings.putAll(SECURITY);
            settings.put("spark.millrace.workers", "2");
            SparkSession session = LocalSpark.start(cluster.master(), settings);
            try {
                assertThat(distinct(session, folder))
                        .isEqualTo(LongStream.range(0, 300).boxed().toList());
            } finally {
                LocalSpark.stop(session);
            }
        }
    }

    private static List<Long> distinct(SparkSession session, Path folder) throws Exception {
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
            LocalSpark.add(numbers, LongStream.range(0, 600).map(i -> i % 300).toArray());
            query.processAllAvailable();
            assertThat(WorkerPool.running().members()).hasSize(2);
        } finally {
            query.stop();
        }
        return session.read().parquet(files).as(Encoders.LONG()).collectAsList().stream()
                .sorted()
                .toList();
    }
}
