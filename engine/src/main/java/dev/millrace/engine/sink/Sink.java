package dev.millrace.engine.sink;

import org.jspecify.annotations.Nullable;

/** One sink of a query, as the driver knows it. */
public interface Sink {
    /** The name that {@code explain} and errors show. */
    String name();

    /** What writes in one life of a dataflow. Thread: the query's. */
    PlannedSink plan();

    /**
     * One of the sink's tasks has prepared an epoch, which nobody has decided yet. Thread: any.
     *
     * @param message what its writer gave
     */
    default void prepared(long epoch, int taskIndex, @Nullable Object message) {}
}
