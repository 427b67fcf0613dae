package dev.millrace.engine.network;

/**
 * How a connection between two workers is used.
 *
 * @param compresses whether pages are sent compressed
 * @param silenceLimitNanos after how long without a byte the other worker counts as lost
 */
public record LinkSettings(boolean compresses, long silenceLimitNanos) {
    /** Pings in the time after which silence counts as loss, so that a late one or two do no harm. */
    private static final int PINGS_PER_LIMIT = 5;

    /** How often each end says that it is there. */
    long pingIntervalNanos() {
        return Math.max(1, silenceLimitNanos / PINGS_PER_LIMIT);
    }
}
