package dev.millrace.spark.sink;

import java.util.Optional;
import org.apache.spark.sql.connector.catalog.Table;
import org.apache.spark.sql.connector.write.streaming.StreamingWrite;

/**
 * Offers a streaming write of Millrace's own for a sink: in place of the connector's, or where the
 * connector has none. Found as a service.
 *
 * <p>Thread: any.
 */
public interface WriteProvider {
    /** Whether this provider can write to a sink for which the connector has no streaming write. */
    boolean writesTo(Table sink);

    /**
     * The write to use, or empty to leave the sink to the next provider and in the end to its connector.
     * Asked once before a query starts, so that what is wrong with its options shows there, and again
     * whenever its dataflow is built.
     *
     * <p>Errors: MILLRACE_UNSUPPORTED_… where the request cannot be met.
     */
    Optional<StreamingWrite> streamingWrite(WriteRequest request);

    /**
     * A write to use in place of the connector's own, whose checks are done and which it may go on asking; or that one.
     * Asked where no provider gave a write.
     */
    default StreamingWrite over(StreamingWrite connectors, WriteRequest request) {
        return connectors;
    }
}
