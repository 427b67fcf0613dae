package dev.millrace.engine.epoch;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Where tasks report to the coordinator.
 *
 * <p>Thread: any; calls only queue and never block.
 */
public interface EpochReports {
    /**
     * A reading task has sent the barrier of {@code epoch}.
     *
     * @param readerIndexes which of the stage's readers the task owns
     * @param positions the position of each, in the same order
     * @param rowsRead rows that they gave since the last barrier
     */
    void sourcePositions(
            int stageId, int taskIndex, long epoch, List<Integer> readerIndexes, List<Object> positions, long rowsRead);

    /** A task that neither reads nor writes has taken the barrier of {@code epoch}. */
    void barrierTaken(int stageId, int taskIndex, long epoch);

    /** A sink task has prepared {@code epoch}. */
    void sinkPrepared(int stageId, int taskIndex, long epoch, @Nullable Object message, long rowsWritten);

    /** A task, reader or writer failed; nothing more comes from it. */
    void failed(String where, Throwable cause);
}
