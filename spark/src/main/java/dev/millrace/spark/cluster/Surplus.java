package dev.millrace.spark.cluster;

/**
 * How many workers have been more than any query wants for so long that they may end: a query that starts soon, or wants
 * more again, finds them still there.
 *
 * <p>Thread: one. Units: nanoseconds, of any clock.
 */
final class Surplus {
    private final long patienceNanos;
    private long lastFittingNanos;

    Surplus(long patienceNanos, long nowNanos) {
        this.patienceNanos = patienceNanos;
        this.lastFittingNanos = nowNanos;
    }

    /**
     * How many may end now.
     *
     * @param isKnown whether it is known which of them are wanted; else all are
     */
    int due(int there, int wanted, boolean isKnown, long nowNanos) {
        if (there <= wanted || !isKnown) {
            lastFittingNanos = nowNanos;
            return 0;
        }
        return nowNanos - lastFittingNanos >= patienceNanos ? there - wanted : 0;
    }
}
