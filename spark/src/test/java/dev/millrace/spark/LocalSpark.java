package dev.millrace.spark;

import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.ForeachWriter;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.execution.datasources.v2.LowLatencyClock;
import org.apache.spark.sql.execution.streaming.runtime.StreamExecution;
import org.apache.spark.sql.execution.streaming.runtime.StreamingQueryWrapper;
import org.apache.spark.sql.execution.streaming.sources.LowLatencyMemoryStream;
import org.apache.spark.sql.streaming.DataStreamWriter;
import org.apache.spark.sql.streaming.StreamingQuery;
import org.apache.spark.sql.streaming.Trigger;

/** Sessions, sources and sinks for tests on a real local Spark. */
public final class LocalSpark {
    private LocalSpark() {}

    /** A session that finds Millrace on the class path. */
    public static SparkSession start(String master, Map<String, String> settings) {
        org.apache.spark.sql.SparkSession.Builder builder = org.apache.spark.sql.SparkSession.builder()
                .master(master)
                .appName("test")
                .config("spark.ui.enabled", "false")
                .config("spark.sql.shuffle.partitions", "4");
        settings.forEach(builder::config);
        SparkSession session = (SparkSession) builder.getOrCreate();
        session.sparkContext().setLogLevel("WARN");
        return session;
    }

    public static SparkSession start() {
        return start("local[2]", Map.of());
    }

    public static void stop(SparkSession session) {
        session.stop();
        org.apache.spark.sql.SparkSession.clearActiveSession();
        org.apache.spark.sql.SparkSession.clearDefaultSession();
    }

    /** A memory source with real-time reads. */
    public static LowLatencyMemoryStream<Long> numbers(SparkSession session, int partitions) {
        return new LowLatencyMemoryStream<>(0, session, partitions, LowLatencyClock.getClock(), Encoders.LONG());
    }

    public static void add(LowLatencyMemoryStream<Long> stream, long... values) {
        List<Long> boxed = new java.util.ArrayList<>();
        for (long value : values) {
            boxed.add(value);
        }
        stream.addData(dev.millrace.spark.scala.Scala.seq(boxed));
    }

    public static Trigger every(long millis) {
        return Trigger.RealTime(millis, TimeUnit.MILLISECONDS);
    }

    /** A query that was started on Millrace or on Spark. */
    public static StreamExecution execution(StreamingQuery query) {
        return ((StreamingQueryWrapper) query).streamingQuery();
    }

    public static boolean isOnMillrace(StreamingQuery query) {
        return execution(query).getClass().getName().startsWith("dev.millrace.");
    }

    /** A writer of a query over a memory source to a collector. */
    public static DataStreamWriter<Row> collecting(Dataset<Row> rows, Collector collector) {
        return rows.writeStream().foreach(collector).outputMode("update").trigger(every(200));
    }

    /** Takes the first column of rows, across the copies that tasks make of it. */
    public static final class Collector extends ForeachWriter<Row> {
        private static final long serialVersionUID = 1L;
        private static final Map<String, List<Long>> TAKEN = new java.util.concurrent.ConcurrentHashMap<>();

        private final String name;

        public Collector(String name) {
            this.name = name;
            TAKEN.put(name, new CopyOnWriteArrayList<>());
        }

        public List<Long> taken() {
            return TAKEN.get(name);
        }

        @Override
        public boolean open(long partitionId, long epochId) {
            return true;
        }

        @Override
        public void process(Row row) {
            TAKEN.get(name).add(row.getLong(0));
        }

        @Override
        public void close(Throwable error) {}
    }
}
