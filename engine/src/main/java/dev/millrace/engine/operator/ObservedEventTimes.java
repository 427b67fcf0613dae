package dev.millrace.engine.operator;

/**
 * The event times of some rows, at least one. Units: milliseconds since 1970-01-01T00:00:00Z.
 *
 * <p>Source: Spark's EventTimeStats.
 */
public record ObservedEventTimes(long maxMillis, long minMillis, double sumMillis, long count) {
    /** Those of both. */
    public ObservedEventTimes and(ObservedEventTimes other) {
        return new ObservedEventTimes(
                Math.max(maxMillis, other.maxMillis),
                Math.min(minMillis, other.minMillis),
                sumMillis + other.sumMillis,
                count + other.count);
    }

    public long averageMillis() {
        return (long) (sumMillis / count);
    }
}
