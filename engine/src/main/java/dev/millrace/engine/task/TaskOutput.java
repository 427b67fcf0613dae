package dev.millrace.engine.task;

import dev.millrace.engine.operator.Output;
import dev.millrace.engine.stream.Item;
import java.util.List;

/**
 * The end of a task's chain: all exchanges that its rows go to. Marks go to every channel behind the
 * rows that came before them.
 *
 * <p>Thread: the owning task.
 */
final class TaskOutput implements Output {
    private final OutputEdge[] edges;
    private final LateOutput late;
    private int marked;

    TaskOutput(List<OutputEdge> edges) {
        this(edges, new LateOutput(List.of()));
    }

    /** @param late where operators leave late rows, to which marks go, too */
    TaskOutput(List<OutputEdge> edges, LateOutput late) {
        this.late = late;
        this.edges = edges.toArray(new OutputEdge[0]);
    }

    /** Units: {@link System#nanoTime} when the oldest row behind the rows to come was read. */
    void readNanos(long nanos) {
        for (OutputEdge edge : edges) {
            edge.readNanos(nanos);
        }
        late.readNanos(nanos);
    }

    /** Which of the task's input partitions the rows to come are of. */
    void inputPartition(int partition) {
        for (OutputEdge edge : edges) {
            edge.inputPartition(partition);
        }
    }

    /** Whether operators may take another page: the late rows of the last one are handed on. */
    boolean hasRoomForLateRows() {
        return late.drain();
    }

    @Override
    public boolean isFull() {
        for (OutputEdge edge : edges) {
            if (edge.isFull()) {
                return true;
            }
        }
        return false;
    }

    @Override
    public void emit(byte[] bytes, int offset, int sizeBytes) {
        for (OutputEdge edge : edges) {
            edge.emit(bytes, offset, sizeBytes);
        }
    }

    /** Hands on all that channels take; false when something is left. */
    boolean flush() {
        boolean all = late.flush();
        for (OutputEdge edge : edges) {
            all &= edge.flush();
        }
        return all;
    }

    /** Hands a mark to every channel; false when one was full: call again with the same mark. */
    boolean mark(Item mark) {
        while (marked < edges.length) {
            if (!edges[marked].mark(mark)) {
                return false;
            }
            marked++;
        }
        if (!late.mark(mark)) {
            return false;
        }
        marked = 0;
        return true;
    }
}
