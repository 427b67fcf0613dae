package dev.millrace.engine.metrics;

/**
 * The event times of some rows. Rows without one do not count.
 *
 * @param averageMicros of all that count
 */
public record EventTimes(long count, long minMicros, long maxMicros, double averageMicros) {
    public static final EventTimes NONE = new EventTimes(0, Long.MAX_VALUE, Long.MIN_VALUE, 0);

    /** Those of both. */
    public EventTimes plus(EventTimes other) {
        if (count == 0 || other.count == 0) {
            return count == 0 ? other : this;
        }
        long both = count + other.count;
        return new EventTimes(
                both,
                Math.min(minMicros, other.minMicros),
                Math.max(maxMicros, other.maxMicros),
                averageMicros + (other.averageMicros - averageMicros) * other.count / both);
    }
}
