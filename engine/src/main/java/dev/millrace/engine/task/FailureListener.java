package dev.millrace.engine.task;

/** Told of what breaks a dataflow; nothing more comes from where it broke. Thread: any. */
@FunctionalInterface
public interface FailureListener {
    void failed(String where, Throwable cause);
}
