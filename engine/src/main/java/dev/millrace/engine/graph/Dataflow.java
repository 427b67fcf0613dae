package dev.millrace.engine.graph;

import dev.millrace.engine.epoch.EpochCoordinator;
import dev.millrace.engine.metrics.DataflowMetrics;
import dev.millrace.engine.task.TaskScope;

/** Seam only: the body follows. */
public final class Dataflow implements AutoCloseable {
    /** Builds tasks, channels and loops; nothing runs before {@link #start}. */
    public static Dataflow create(StreamGraph graph, DataflowSettings settings, TaskScope.Factory scopes) {
        throw new UnsupportedOperationException();
    }

    public void start() {
        throw new UnsupportedOperationException();
    }

    public EpochCoordinator epochs() {
        throw new UnsupportedOperationException();
    }

    public DataflowMetrics metrics() {
        throw new UnsupportedOperationException();
    }

    /** Ends all threads, interrupting those that may block; waits for them for a bounded time. Thread: any. */
    @Override
    public void close() {
        throw new UnsupportedOperationException();
    }
}
