package dev.millrace.engine.task;

import dev.millrace.engine.snapshot.OperatorId;
import dev.millrace.engine.snapshot.StoredSnapshot;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Where tasks report what they did for an epoch, and what broke.
 *
 * <p>Thread: any; calls only queue and never block.
 */
public interface TaskReports extends FailureListener {
    /**
     * A reading task has sent the barrier of {@code epoch}.
     *
     * @param partitionIndexes which of the source's partitions the task owns
     * @param positions the position of each, in the same order
     * @param rowsRead rows that they gave since the last barrier
     */
    void sourcePositions(
            int stageId,
            int taskIndex,
            long epoch,
            List<Integer> partitionIndexes,
            List<Object> positions,
            long rowsRead);

    /**
     * All tasks of this worker that read a source in portions are through with one.
     *
     * @param portion counts from 1
     * @param maxMicros the greatest event time that they have seen so far
     */
    void portionEnded(int stageId, long portion, long maxMicros);

    /** A task that neither reads nor writes has taken the barrier of {@code epoch}. */
    void barrierTaken(int stageId, int taskIndex, long epoch);

    /** A sink task has prepared {@code epoch}. */
    void sinkPrepared(int stageId, int taskIndex, long epoch, @Nullable Object message, long rowsWritten);

    /** An operator of one task has seen the rows of {@code epoch}. */
    void observed(OperatorId operator, long epoch, byte[] observation);

    /** The worker's state as of the barrier of {@code epoch} is on storage. */
    void snapshotStored(long epoch, StoredSnapshot snapshot);
}
