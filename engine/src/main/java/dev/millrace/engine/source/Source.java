package dev.millrace.engine.source;

import java.util.List;

/**
 * One source of a query, as the driver knows it: plans what is read, once for each life of a dataflow.
 *
 * <p>An epoch may end behind any row of most sources, and the tasks that take the rows choose. A source that
 * is read in <em>portions</em>, each of which is whole or not there, chooses itself: it hands a share of every portion to
 * each worker, and the end of every epoch to all of them, behind the same portion.
 *
 * <p>Thread: the query's.
 */
public interface Source {
    /** The name that {@code explain} and errors show. */
    String name();

    /**
     * Readers of all partitions. A source that can share its partitions out makes at least as many as there are
     * workers, which take them in turn.
     *
     * @param loopCount loops of each worker
     */
    PlannedSource plan(int workerCount, int loopCount);

    /** Whether the source is read in portions and ends epochs itself. Always the same answer. */
    default boolean endsEpochs() {
        return false;
    }

    /**
     * What was planned last stands now, so portions may be handed in.
     *
     * @param workers what there is on each of them
     */
    default void connect(List<? extends PortionTarget> workers) {}

    /**
     * Asks for the end of {@code epoch}, behind the portion under way, in all partitions of the readers that were
     * planned last. Epochs are asked for one by one, in order. Does not block.
     */
    default void endEpoch(long epoch) {}

    /**
     * All tasks of one worker are through with a portion. Does not block. Thread: any.
     *
     * @param portion counts from 1; a worker is through with one after the other
     * @param maxMicros the greatest event time that they have seen so far
     */
    default void portionEnded(long portion, long maxMicros) {}
}
