package dev.millrace.engine.source;

import java.util.List;

/**
 * One source of a query: its partitions, each read once.
 *
 * <p>An epoch may end behind any row of most sources, and the tasks that take the rows choose. A source that
 * is read in <em>portions</em>, each of which is whole or not there, chooses itself: its readers end every
 * portion and every epoch by {@link PartitionOutput}, all of them behind the same portion.
 */
public interface Source {
    /** The name that {@code explain} and errors show. */
    String name();

    /** Readers of all partitions. Positions are reported in the order of the readers and, within each, of its partitions. */
    List<SourceReader> readers();

    /** Whether the source is read in portions and ends epochs itself. Always the same answer. */
    default boolean endsEpochs() {
        return false;
    }

    /**
     * Asks for the end of {@code epoch}, behind the portion under way, in all partitions of the readers that were
     * made last. Epochs are asked for one by one, in order.
     *
     * <p>Thread: the query's. Does not block.
     */
    default void endEpoch(long epoch) {}
}
