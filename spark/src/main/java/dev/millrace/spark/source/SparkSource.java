package dev.millrace.spark.source;

import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.engine.source.Source;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.connector.read.streaming.Offset;
import org.apache.spark.sql.connector.read.streaming.ReportsSourceMetrics;
import org.apache.spark.sql.connector.read.streaming.SparkDataStream;
import org.jspecify.annotations.Nullable;

/**
 * One of Spark's streams as a source of the engine. What is to be read is planned anew, from the last committed
 * offset, whenever a dataflow is built.
 *
 * <p>Thread: the query's, but the readers.
 *
 * <p>Errors: SOURCE_FAILED, SOURCE_DATA_LOST, with what the stream threw as the cause.
 */
public abstract sealed class SparkSource implements Source permits FlowingSource, PortionedSource {
    private final String name;
    private final SparkDataStream stream;
    private volatile Optional<Offset> committed = Optional.empty();

    SparkSource(String name, SparkDataStream stream) {
        this.name = name;
        this.stream = stream;
    }

    @Override
    public final String name() {
        return name;
    }

    public final SparkDataStream stream() {
        return stream;
    }

    /**
     * Where the stream stands; known once {@link #startFrom} was called, but for a stream that has no first offset
     * and never had data.
     */
    public final Optional<Offset> committed() {
        return committed;
    }

    /**
     * Sets where reading starts: behind a logged offset, or at the stream's own start when there is
     * none.
     *
     * @param session the query's own, in which its batches are planned
     *
     * <p>Errors: UNSUPPORTED_CHECKPOINT when the logged offset is not one of this stream.
     */
    public void startFrom(SparkSession session, @Nullable String loggedJson) {
        committed = loggedJson == null
                ? asking("give its first offset", this::firstOffset)
                : Optional.of(deserialize(loggedJson));
    }

    /** Where a stream starts of which nothing was ever logged. */
    abstract Optional<Offset> firstOffset();

    /** The offset that a log entry holds. Errors: UNSUPPORTED_CHECKPOINT. */
    public final Offset deserialize(String loggedJson) {
        try {
            return offsetOf(loggedJson);
        } catch (RuntimeException e) {
            throw new MillraceException(
                    ErrorCode.UNSUPPORTED_CHECKPOINT,
                    ("Cannot continue from the checkpoint: source=%s, logged offset=%s was written by another kind of "
                                    + "reader. Start with a new checkpoint location, or with the trigger that wrote it.")
                            .formatted(name, loggedJson),
                    e);
        }
    }

    abstract Offset offsetOf(String json);

    /**
     * The stream's offset out of one position of every partition; where it stands when it has none. Empty where
     * {@link #committed} is.
     */
    public abstract Optional<Offset> merge(List<Object> positions);

    /** An epoch that ends at {@code offset} is committed; tells the stream that it may forget what lies before. */
    public void commit(Offset offset) {
        committed = Optional.of(offset);
    }

    /** The offset behind everything that there is now; empty when the stream cannot tell. */
    public abstract Optional<Offset> latest();

    /** What somebody waits for who wants all to be committed that the stream holds now. */
    public abstract Target targetNow();

    /** A point in a stream. */
    public interface Target {
        /** Whether all before it is committed. */
        boolean isReached();

        /** After how long without a row it counts as reached all the same. */
        default long quietNanos() {
            return Long.MAX_VALUE;
        }
    }

    /** Whether the stream has other partitions than when its readers were made. */
    public boolean needsReconfiguration(Optional<Offset> latest) {
        return false;
    }

    /** The stream's own metrics, such as how far it is behind. */
    public Map<String, String> metrics() {
        return stream instanceof ReportsSourceMetrics reporting
                ? asking("tell its metrics", () -> reporting.metrics(committed()))
                : Map.of();
    }

    final <T> T asking(String what, Supplier<T> question) {
        try {
            return question.get();
        } catch (Throwable t) {
            throw SourceFailure.of(name, what, t);
        }
    }
}
