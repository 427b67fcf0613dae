package dev.millrace.engine.source;

import dev.millrace.engine.page.RowView;

/**
 * Reads one partition of a source, from the position that it was made with.
 *
 * <p>Thread: all calls on the reader's own thread, which is interrupted when the query stops.
 * Rows must be handed out as they arrive: batching is the engine's business.
 */
public interface SourceReader extends AutoCloseable {
    /** Called once on the reader's thread, before any other method. */
    default void open() throws Exception {}

    /**
     * Moves to the next row. May block for as long as it likes; returns false when it waited in vain,
     * and is called again.
     */
    boolean advance() throws Exception;

    /** The current row, valid until the next call. */
    RowView row() throws Exception;

    /**
     * The position behind the current row, or the one it was made with before the first. Immutable;
     * read later by another thread.
     */
    Object position() throws Exception;

    @Override
    default void close() throws Exception {}
}
