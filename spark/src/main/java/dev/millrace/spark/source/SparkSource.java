package dev.millrace.spark.source;

import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.engine.source.Source;
import dev.millrace.engine.source.SourceReader;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;
import org.apache.spark.sql.connector.read.InputPartition;
import org.apache.spark.sql.connector.read.streaming.ContinuousStream;
import org.apache.spark.sql.connector.read.streaming.MicroBatchStream;
import org.apache.spark.sql.connector.read.streaming.Offset;
import org.apache.spark.sql.connector.read.streaming.PartitionOffset;
import org.apache.spark.sql.connector.read.streaming.ReportsSourceMetrics;
import org.apache.spark.sql.connector.read.streaming.SparkDataStream;
import org.apache.spark.sql.connector.read.streaming.SupportsRealTimeMode;
import org.apache.spark.sql.internal.SQLConf;
import org.apache.spark.sql.types.StructType;
import org.jspecify.annotations.Nullable;

/**
 * One of Spark's streams as a source of the engine: its partitions are planned anew, from the last
 * committed offset, whenever a dataflow is built.
 *
 * <p>Thread: the query's, but the readers.
 *
 * <p>Errors: SOURCE_FAILED, SOURCE_DATA_LOST, with what the stream threw as the cause.
 */
public final class SparkSource implements Source {
    private final String name;
    private final StreamAdapter adapter;
    private final ReaderFactory readers;
    private @Nullable Offset committed;

    /** Has the partitions that the stream had when its readers were made; empty when it had none. */
    private Optional<Offset> plannedLatest = Optional.empty();

    private SparkSource(String name, StreamAdapter adapter, ReaderFactory readers) {
        this.name = name;
        this.adapter = adapter;
        this.readers = readers;
    }

    /**
     * A stream as a source.
     *
     * @param conf the query's settings
     *
     * <p>Errors: UNSUPPORTED_SOURCE when the stream can only be read batch by batch.
     */
    public static SparkSource of(SQLConf conf, String name, SparkDataStream stream, StructType schema) {
        StreamAdapter adapter = adapter(name, stream);
        ReaderFactory readers = StreamReads.of(
                new ReadRequest(conf, name, stream),
                () -> partitions -> connectorReaders(name, adapter, schema, partitions));
        return new SparkSource(name, adapter, readers);
    }

    private static StreamAdapter adapter(String name, SparkDataStream stream) {
        if (stream instanceof SupportsRealTimeMode && stream instanceof MicroBatchStream realTime) {
            return new StreamAdapter.RealTime(realTime);
        }
        if (stream instanceof ContinuousStream continuous) {
            return new StreamAdapter.Continuous(continuous);
        }
        throw new MillraceException(
                ErrorCode.UNSUPPORTED_SOURCE,
                ("Cannot read in real time: source=%s, stream=%s can only be read batch by batch. Use a source with "
                                + "real-time or continuous reads, such as Kafka, or Trigger.ProcessingTime.")
                        .formatted(name, stream.getClass().getName()));
    }

    @Override
    public String name() {
        return name;
    }

    public SparkDataStream stream() {
        return adapter.stream();
    }

    /** Where the stream stands; set by {@link #startFrom} before anything reads. */
    public Offset committed() {
        if (committed == null) {
            throw new MillraceException(
                    ErrorCode.INVARIANT, "Cannot read from source=%s: it has no start offset yet.".formatted(name));
        }
        return committed;
    }

    /**
     * Sets where reading starts: behind a logged offset, or at the stream's own start when there is
     * none.
     *
     * <p>Errors: UNSUPPORTED_CHECKPOINT when the logged offset is not one of this stream.
     */
    public void startFrom(@Nullable String loggedJson) {
        committed = loggedJson == null
                ? asking("give its first offset", () -> stream().initialOffset())
                : deserialize(loggedJson);
    }

    /** The offset that a log entry holds. Errors: UNSUPPORTED_CHECKPOINT. */
    public Offset deserialize(String loggedJson) {
        try {
            return stream().deserializeOffset(loggedJson);
        } catch (RuntimeException e) {
            throw new MillraceException(
                    ErrorCode.UNSUPPORTED_CHECKPOINT,
                    ("Cannot continue from the checkpoint: source=%s, logged offset=%s was written by another kind of "
                                    + "reader. Start with a new checkpoint location, or with the trigger that wrote it.")
                            .formatted(name, loggedJson),
                    e);
        }
    }

    /** Readers of every partition that the stream has now, from the committed offset. */
    @Override
    public List<SourceReader> readers() {
        // Kafka plans by the partitions that it last saw, so it must have looked first.
        plannedLatest = latest();
        InputPartition[] partitions = asking("plan its partitions", () -> adapter.planInputPartitions(committed()));
        return asking("make its readers", () -> readers.readers(partitions));
    }

    private static List<SourceReader> connectorReaders(
            String name, StreamAdapter adapter, StructType schema, InputPartition[] partitions) {
        StreamAdapter.CursorFactory cursors = adapter.cursors();
        List<SourceReader> made = new ArrayList<>(partitions.length);
        for (int i = 0; i < partitions.length; i++) {
            made.add(new PartitionSourceReader(name, i, partitions[i], cursors, schema));
        }
        return made;
    }

    /** The stream's offset out of one position of every reader; no position for a stream without partitions. */
    public Offset merge(List<Object> positions) {
        if (positions.isEmpty()) {
            return committed();
        }
        PartitionOffset[] offsets = new PartitionOffset[positions.size()];
        for (int i = 0; i < offsets.length; i++) {
            offsets[i] = (PartitionOffset) positions.get(i);
        }
        return asking("merge its offsets", () -> adapter.merge(offsets));
    }

    /** Tells the stream that it may forget what lies before {@code offset}. */
    public void commit(Offset offset) {
        committed = offset;
        asking("take a commit", () -> {
            stream().commit(offset);
            return offset;
        });
    }

    /** The offset behind everything that there is now; empty when the stream cannot tell. */
    public Optional<Offset> latest() {
        return asking("tell its latest offset", () -> adapter.latest(committed()));
    }

    /** Whether the stream has other partitions than when its readers were made. */
    public boolean needsReconfiguration(Optional<Offset> latest) {
        String planned = plannedLatest.orElseGet(this::committed).json();
        return adapter.needsReconfiguration()
                || latest.map(offset -> OffsetJson.hasOtherPartitions(offset.json(), planned))
                        .orElse(false);
    }

    /** The stream's own metrics, such as how far it is behind. */
    public Map<String, String> metrics() {
        return stream() instanceof ReportsSourceMetrics reporting
                ? asking("tell its metrics", () -> reporting.metrics(Optional.of(committed())))
                : Map.of();
    }

    private <T> T asking(String what, Supplier<T> question) {
        try {
            return question.get();
        } catch (Throwable t) {
            throw SourceFailure.of(name, what, t);
        }
    }
}
