package dev.millrace.engine.task;

import dev.millrace.engine.metrics.StepClock;
import org.jspecify.annotations.Nullable;

/**
 * A piece of the dataflow that a loop advances: a task, or a reader. A seeded scheduler can advance
 * it as well, which is how the engine is simulated.
 *
 * <p>Thread: all but {@link #name} on the one thread that owns it.
 */
public interface Step {
    /** The stage and task, for thread names and errors. */
    String name();

    /** Called once, before the first {@link #step}. */
    void open() throws Exception;

    /**
     * Does a bounded piece of work. True when it made progress and may have more to do; false when it
     * can go no further until it is woken or its {@link #deadlineNanos} passes.
     */
    boolean step() throws Exception;

    /** When to step again even if nothing wakes it. Units: {@link System#nanoTime}; MAX_VALUE: never. */
    default long deadlineNanos() {
        return Long.MAX_VALUE;
    }

    /** Counts the time of this step; null for one that mostly waits for the outside. */
    default @Nullable StepClock clock() {
        return null;
    }

    /** Whether the step stopped because its output is full. */
    default boolean isBackPressured() {
        return false;
    }

    /** Called once, after the last {@link #step}, also when one threw. */
    void close() throws Exception;
}
