package dev.millrace.engine.operator;

/**
 * Reads a row's event time.
 *
 * <p>Thread: the owning task; an instance is not shared.
 */
@FunctionalInterface
public interface EventTimeExtractor {
    /** What is returned for a row whose event time is null. */
    long NO_EVENT_TIME = Long.MIN_VALUE;

    /** Units: microseconds since 1970-01-01T00:00:00Z, or {@link #NO_EVENT_TIME}. */
    long eventTimeMicros(byte[] bytes, int offset, int sizeBytes);
}
