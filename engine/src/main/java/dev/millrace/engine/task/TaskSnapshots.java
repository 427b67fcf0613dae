package dev.millrace.engine.task;

import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.engine.operator.Operator;
import dev.millrace.engine.snapshot.FrozenState;
import dev.millrace.engine.snapshot.OperatorId;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Writes one task's state into snapshots, a slice between each two steps, so that no row waits for it; a slice
 * waits while there is no room for it.
 *
 * <p>Thread: the owning task.
 */
final class TaskSnapshots {
    /** What a step may write: well under a millisecond of work. */
    private static final int SLICE_BYTES = 64 * 1024;

    private final TaskPlace place;
    private final List<Operator> operators;
    private final @Nullable SnapshotInbox inbox;
    private final List<FrozenState> frozen = new ArrayList<>();
    private int writing;
    private long epoch;

    TaskSnapshots(TaskPlace place, List<Operator> operators, @Nullable SnapshotInbox inbox) {
        this.place = place;
        this.operators = operators;
        this.inbox = inbox;
    }

    /** Freezes all operators as of a barrier that is through; the snapshot before is written by then. */
    void freeze(long ended) throws Exception {
        SnapshotInbox to = inbox;
        if (to == null) {
            return;
        }
        if (!frozen.isEmpty()) {
            throw new MillraceException(
                    ErrorCode.INVARIANT,
                    "Cannot freeze epoch=%d: the state of epoch=%d is still being written. Please report this."
                            .formatted(ended, epoch));
        }
        epoch = ended;
        writing = 0;
        for (int i = 0; i < operators.size(); i++) {
            FrozenState state = operators.get(i).freeze(new OperatorId(place.stageId(), i));
            if (state != null) {
                frozen.add(state);
            }
        }
        if (frozen.isEmpty()) {
            to.taskWritten(ended);
        }
    }

    /** Writes a slice; false when there was nothing to write, or no room. */
    boolean writeSlice() throws Exception {
        SnapshotInbox to = inbox;
        if (to == null || frozen.isEmpty() || !to.hasRoom()) {
            return false;
        }
        if (frozen.get(writing).write(SLICE_BYTES, section -> to.add(epoch, section)) && ++writing == frozen.size()) {
            frozen.clear();
            to.taskWritten(epoch);
        }
        return true;
    }
}
