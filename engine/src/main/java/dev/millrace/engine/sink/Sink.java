package dev.millrace.engine.sink;

/** One sink of a query. */
public interface Sink {
    /** The name that {@code explain} and errors show. */
    String name();

    /** A writer for one of the sink's tasks. Thread: any; called once per task before rows flow. */
    SinkWriter writer(int taskIndex, int taskCount);
}
