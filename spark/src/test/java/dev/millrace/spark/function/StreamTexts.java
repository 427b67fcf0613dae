package dev.millrace.spark.function;

import static org.awaitility.Awaitility.await;

import dev.millrace.spark.LocalSpark;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeoutException;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.ForeachWriter;
import org.apache.spark.sql.execution.streaming.sources.LowLatencyMemoryStream;
import org.apache.spark.sql.streaming.DataStreamWriter;
import org.apache.spark.sql.streaming.StreamingQuery;
import org.apache.spark.sql.streaming.StreamingQueryException;
import org.apache.spark.sql.streaming.Trigger;

/** Runs a streaming query of texts, on Millrace or on Spark's own micro-batches, and keeps what it gave. */
final class StreamTexts extends ForeachWriter<String> {
    private static final long serialVersionUID = 1L;
    private static final Duration PATIENCE = Duration.ofSeconds(60);
    private static final Map<String, List<String>> TAKEN = new ConcurrentHashMap<>();

    private final String name;

    private StreamTexts(String name) {
        this.name = name;
        TAKEN.put(name, new CopyOnWriteArrayList<>());
    }

    static StreamTexts named(String name) {
        return new StreamTexts(name);
    }

    /** All rows so far, in their order. */
    List<String> taken() {
        return TAKEN.get(name);
    }

    void awaitRow(String row) {
        await().atMost(PATIENCE).until(() -> taken().contains(row));
    }

    /** Starts the query on Millrace. */
    StreamingQuery start(Dataset<String> rows, String outputMode, Path checkpoint) throws TimeoutException {
        return writer(rows, outputMode, checkpoint)
                .trigger(LocalSpark.every(200))
                .start();
    }

    private DataStreamWriter<String> writer(Dataset<String> rows, String outputMode, Path checkpoint) {
        return rows.writeStream()
                .foreach(this)
                .outputMode(outputMode)
                .option("checkpointLocation", checkpoint.toString());
    }

    /** Runs the query on Millrace over lots of values, one after the other, to its end. */
    @SafeVarargs
    final List<String> run(
            Dataset<String> rows,
            String outputMode,
            Path checkpoint,
            LowLatencyMemoryStream<Long> source,
            long[]... lots)
            throws TimeoutException, StreamingQueryException {
        return feed(start(rows, outputMode, checkpoint), source, lots);
    }

    /** The same on Spark's micro-batches, a batch for each lot. */
    @SafeVarargs
    final List<String> runInBatches(
            Dataset<String> rows,
            String outputMode,
            Path checkpoint,
            LowLatencyMemoryStream<Long> source,
            long[]... lots)
            throws TimeoutException, StreamingQueryException {
        return feed(
                writer(rows, outputMode, checkpoint)
                        .trigger(Trigger.ProcessingTime(0))
                        .start(),
                source,
                lots);
    }

    private List<String> feed(StreamingQuery query, LowLatencyMemoryStream<Long> source, long[]... lots)
            throws TimeoutException, StreamingQueryException {
        try {
            for (long[] lot : lots) {
                LocalSpark.add(source, lot);
                query.processAllAvailable();
            }
        } finally {
            query.stop();
        }
        return new ArrayList<>(taken());
    }

    @Override
    public boolean open(long partitionId, long epochId) {
        return true;
    }

    @Override
    public void process(String row) {
        TAKEN.get(name).add(row);
    }

    @Override
    public void close(Throwable error) {}
}
