package dev.millrace.spark.source;

import java.util.Optional;

/**
 * Offers readers of Millrace's own for a stream whose offsets stay its connector's: where it starts, how
 * it plans partitions, what it logs. Found as a service.
 *
 * <p>Thread: any.
 */
public interface ReadProvider {
    /**
     * What reads the stream's partitions without an end, or empty to leave it to the next provider and in the end to its
     * connector. Asked once for each stream of a query that starts.
     */
    Optional<ReaderPlanner> readers(ReadRequest request);

    /** As {@link #readers}, for a stream that is read portion by portion. */
    Optional<PortionReads> portions(ReadRequest request);
}
