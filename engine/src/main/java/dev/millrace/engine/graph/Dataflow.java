package dev.millrace.engine.graph;

import dev.millrace.engine.epoch.EpochCoordinator;
import dev.millrace.engine.metrics.DataflowMetrics;
import java.util.List;

/**
 * A graph that runs, on however many workers: one life of it, between a start from a checkpoint and its end.
 *
 * <p>Thread: any, but for {@link #epochs}, which has its own rules.
 */
public interface Dataflow extends AutoCloseable {
    void start() throws InterruptedException;

    EpochCoordinator epochs();

    /**
     * A bounded epoch begins, whose predecessor is complete: returns once all workers go by its time and its watermark. Before
     * its rows are handed in, because a row may come to any worker. Workers that share the {@code EpochTime} of who calls
     * this do so already.
     *
     * @param epochMillis as {@code EpochTime#begin}, as is {@code watermarkMicros}
     *
     * <p>Errors: {@link dev.millrace.engine.epoch.DataflowFailedException}.
     */
    default void beginEpoch(long epoch, long epochMillis, long watermarkMicros) throws InterruptedException {}

    DataflowMetrics metrics();

    /**
     * Ends all that runs, interrupting what may block, and after a moment what should not. Waits about two
     * seconds at most for threads, and for other processes until they count as lost; returns the names of threads
     * that are alive even then, because code that they run heeds no interrupt.
     */
    List<String> stop();

    /** As {@link #stop}. */
    @Override
    default void close() {
        List<String> unused = stop();
    }
}
