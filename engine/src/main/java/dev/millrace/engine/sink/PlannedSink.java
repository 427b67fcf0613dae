package dev.millrace.engine.sink;

import java.io.Serializable;

/**
 * A sink as workers know it: makes what writes to it in one life of a dataflow. It travels to them, so it holds only
 * what can be serialised.
 */
public interface PlannedSink extends Sink, Serializable {
    /** A writer for one of the sink's tasks. Thread: any; called once per task before rows flow. */
    SinkWriter writer(int taskIndex, int taskCount);

    @Override
    default PlannedSink plan() {
        return this;
    }
}
