package dev.millrace.engine.operator;

/**
 * The time by the query's clock, which time-outs and timers by processing time go by.
 *
 * <p>Thread: any.
 */
@FunctionalInterface
public interface ProcessingTime {
    /** When a waiting time never ends. */
    long NEVER = Long.MAX_VALUE;

    /** Units: milliseconds since 1970-01-01T00:00:00Z. Goes back where the clock is set back. */
    long millis();

    /** Whether it is one time for all of an epoch: then epochs are bounded, and operators end them as a micro-batch. */
    default boolean standsStill() {
        return false;
    }
}
