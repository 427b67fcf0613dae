package dev.millrace.engine.operator;

import dev.millrace.engine.page.RowView;
import java.io.Serializable;

/**
 * A stateless piece of a plan that can only be pulled: it reads an iterator that blocks, and gives
 * one. It runs on a thread of its own, opened anew for each epoch.
 *
 * <p>Thread: all calls on the fragment's own thread, which is interrupted when the query stops.
 */
public interface PulledFragment extends AutoCloseable {
    /** Rows one after another; {@link #next} is valid only until the next {@link #hasNext}. */
    interface RowIterator {
        boolean hasNext() throws Exception;

        RowView next() throws Exception;
    }

    /** Makes one fragment per task. Thread: any. */
    interface Factory extends Serializable {
        PulledFragment create(int taskIndex, int taskCount);

        String name();
    }

    /**
     * Opens the fragment for one epoch. {@code input.hasNext()} blocks while the input is dry, and is
     * false for good at the epoch's end.
     */
    RowIterator open(RowIterator input) throws Exception;

    @Override
    default void close() throws Exception {}
}
