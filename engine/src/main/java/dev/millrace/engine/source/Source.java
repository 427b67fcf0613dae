package dev.millrace.engine.source;

/**
 * One source of a query, as the driver knows it: plans what is read, once for each life of a dataflow.
 *
 * <p>An epoch may end behind any row of most sources, and the tasks that take the rows choose. A source that
 * is read in <em>portions</em>, each of which is whole or not there, chooses itself: its readers end every
 * portion and every epoch by {@link PartitionOutput}, all of them behind the same portion.
 *
 * <p>Thread: the query's.
 */
public interface Source {
    /** The name that {@code explain} and errors show. */
    String name();

    /**
     * Readers of all partitions. A source that can share its partitions out makes at least as many as there are
     * workers, which take them in turn.
     */
    PlannedSource plan(int workerCount);

    /** Whether the source is read in portions and ends epochs itself. Always the same answer. */
    default boolean endsEpochs() {
        return false;
    }

    /**
     * Asks for the end of {@code epoch}, behind the portion under way, in all partitions of the readers that were
     * planned last. Epochs are asked for one by one, in order. Does not block.
     */
    default void endEpoch(long epoch) {}
}
