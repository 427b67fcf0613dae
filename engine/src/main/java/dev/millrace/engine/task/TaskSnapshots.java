package dev.millrace.engine.task;

import dev.millrace.engine.operator.Operator;
import dev.millrace.engine.snapshot.FrozenState;
import dev.millrace.engine.snapshot.OperatorId;
import dev.millrace.engine.snapshot.Section;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Writes one task's state into snapshots, a slice between each two steps, so that no row waits for it.
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
    private List<Section> written = new ArrayList<>();
    private int writing;
    private long epoch;

    TaskSnapshots(TaskPlace place, List<Operator> operators, @Nullable SnapshotInbox inbox) {
        this.place = place;
        this.operators = operators;
        this.inbox = inbox;
    }

    /** Freezes all operators as of a barrier that is through. An earlier snapshot is written to its end first. */
    void freeze(long ended) throws Exception {
        if (inbox == null) {
            return;
        }
        while (isWriting()) {
            writeSlice(Integer.MAX_VALUE);
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
            handOver(List.of());
        }
    }

    /** Writes a slice; false when there was nothing to write. */
    boolean writeSlice() throws Exception {
        if (!isWriting()) {
            return false;
        }
        writeSlice(SLICE_BYTES);
        return true;
    }

    private boolean isWriting() {
        return !frozen.isEmpty();
    }

    private void writeSlice(int sizeBytes) throws Exception {
        if (!frozen.get(writing).write(sizeBytes, written::add)) {
            return;
        }
        if (++writing == frozen.size()) {
            frozen.clear();
            handOver(written);
            written = new ArrayList<>();
        }
    }

    private void handOver(List<Section> sections) {
        SnapshotInbox to = inbox;
        if (to != null) {
            to.add(epoch, sections);
        }
    }
}
