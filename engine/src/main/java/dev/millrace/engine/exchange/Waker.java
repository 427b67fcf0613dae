package dev.millrace.engine.exchange;

/**
 * Wakes the thread that steps a task. Cheap when that thread is awake.
 *
 * <p>Thread: any.
 */
@FunctionalInterface
public interface Waker {
    void wake();
}
