package dev.millrace.engine.sink;

import dev.millrace.engine.page.RowCursor;
import org.jspecify.annotations.Nullable;

/**
 * Writes one task's share of a sink, epoch after epoch.
 *
 * <p>Thread: all calls on the writer's own thread, which may block and is interrupted when the query
 * stops without finishing.
 */
public interface SinkWriter extends AutoCloseable {
    /** Called once, before any other method. {@code epoch} is the first whose rows will come. */
    void open(long epoch) throws Exception;

    /** Writes all rows of the cursor. */
    void write(RowCursor rows) throws Exception;

    /**
     * The epoch's rows are complete: makes them ready to commit and gives the message that commits
     * them. Rows that come next belong to {@code epoch + 1}.
     */
    @Nullable
    Object prepare(long epoch) throws Exception;

    /** Gives up what was not prepared. Called on failure or stop, before {@link #close}. */
    default void abort() throws Exception {}

    @Override
    default void close() throws Exception {}
}
