package dev.millrace.spark.execution;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.spark.LocalSpark;
import dev.millrace.spark.LocalSpark.Collector;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.LongStream;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.execution.streaming.sources.LowLatencyMemoryStream;
import org.apache.spark.sql.streaming.StreamingQuery;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** One task slot is enough for any number of queries, and it stays free for ordinary jobs. */
@Timeout(120)
final class LocalModeSparkTest {
    private static SparkSession session;

    @BeforeAll
    static void start() {
        session = LocalSpark.start("local[1]", Map.of("spark.sql.shuffle.partitions", "200"));
    }

    @AfterAll
    static void stop() {
        LocalSpark.stop(session);
    }

    @Test
    void runsSeveralQueriesAndAnOrdinaryJobOnOneSlot() throws Exception {
        List<StreamingQuery> queries = new ArrayList<>();
        List<LowLatencyMemoryStream<Long>> streams = new ArrayList<>();
        List<Collector> collectors = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            LowLatencyMemoryStream<Long> stream = LocalSpark.numbers(session, 2);
            Collector collector = new Collector("several " + i);
            streams.add(stream);
            collectors.add(collector);
            queries.add(LocalSpark.collecting(stream.toDF(), collector).start());
        }
        for (LowLatencyMemoryStream<Long> stream : streams) {
            LocalSpark.add(stream, LongStream.range(0, 200).toArray());
        }

        assertThat(session.range(10_000).repartition(3).count()).isEqualTo(10_000);
        for (int i = 0; i < queries.size(); i++) {
            queries.get(i).processAllAvailable();
            assertThat(collectors.get(i).taken()).hasSize(200).doesNotHaveDuplicates();
            queries.get(i).stop();
        }
    }
}
