package dev.millrace.engine.source;

import java.util.List;

/**
 * Reads partitions of a source, from the positions that it was made with, batch by batch.
 *
 * <p>Thread: all calls on the reader's own thread, which is interrupted when the query stops; but for
 * {@link #wakeUp}.
 */
public interface SourceReader extends AutoCloseable {
    /** Called once, before {@link #read}. Publishes where each partition starts. {@code outputs} are in their order. */
    void open(List<PartitionOutput> outputs) throws Exception;

    /**
     * Reads a bounded batch. May wait before its first row, for as long as it likes, and may return
     * without one; once it has a row it must not wait, and it publishes whatever it appended before it
     * returns. So rows that are there are handed over together, and no row waits for the next.
     *
     * @return false when it can go no further before an output has room again; it is then called when one has
     */
    boolean read() throws Exception;

    /**
     * Ends a wait in {@link #read}, or the next one, because an output has room again or the query
     * stops. For readers of one partition there is nothing to do: they do not wait while it is full.
     *
     * <p>Thread: any.
     */
    default void wakeUp() {}

    @Override
    default void close() throws Exception {}
}
