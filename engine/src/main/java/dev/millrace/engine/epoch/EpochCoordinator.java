package dev.millrace.engine.epoch;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** Seam only: the body follows. */
public final class EpochCoordinator implements EpochReports {
    /**
     * Asks all reading tasks for the barrier that ends the epoch under way, and returns its number;
     * -1, and nothing asked, while as many epochs as allowed are in flight.
     *
     * <p>Thread: the query's.
     */
    public long requestBarrier() {
        throw new UnsupportedOperationException();
    }

    /** Epochs whose barrier was asked for and that {@link #await} has not given yet. Thread: the query's. */
    public int inFlight() {
        throw new UnsupportedOperationException();
    }

    /**
     * Waits for the next completed epoch, in order; null when the time is up or {@link #wakeUp} came.
     *
     * <p>Thread: the query's. Errors: {@link DataflowFailedException} once anything has failed.
     */
    public @Nullable CompletedEpoch await(long timeoutNanos) throws InterruptedException {
        throw new UnsupportedOperationException();
    }

    /** Makes a waiting or the next {@link #await} return at once. Thread: any. */
    public void wakeUp() {
        throw new UnsupportedOperationException();
    }

    @Override
    public void sourcePositions(
            int stageId,
            int taskIndex,
            long epoch,
            List<Integer> readerIndexes,
            List<Object> positions,
            long rowsRead) {
        throw new UnsupportedOperationException();
    }

    @Override
    public void barrierTaken(int stageId, int taskIndex, long epoch) {
        throw new UnsupportedOperationException();
    }

    @Override
    public void sinkPrepared(int stageId, int taskIndex, long epoch, @Nullable Object message, long rowsWritten) {
        throw new UnsupportedOperationException();
    }

    @Override
    public void failed(String where, Throwable cause) {
        throw new UnsupportedOperationException();
    }
}
