package dev.millrace.engine.network;

/**
 * How far the clock of another process is ahead of this one's, so that the time at which a row was read
 * keeps its meaning. Of the last few round trips the shortest one counts: it leaves the least room for error.
 *
 * <p>Thread: one. Units: {@link System#nanoTime}, whose origin differs between machines. Source: Cristian,
 * Probabilistic clock synchronization (1989).
 */
final class PeerClock {
    private static final int KEPT = 8;

    private final long[] roundTrips = new long[KEPT];
    private final long[] offsets = new long[KEPT];
    private int count;

    /**
     * The other process has answered.
     *
     * @param askedNanos when it was asked, by this clock
     * @param peerNanos its own clock
     * @param nowNanos when the answer came, by this clock
     */
    void answered(long askedNanos, long peerNanos, long nowNanos) {
        int slot = count++ % KEPT;
        roundTrips[slot] = nowNanos - askedNanos;
        offsets[slot] = peerNanos - (askedNanos + roundTrips[slot] / 2);
    }

    /** A time of the other process by this clock, never in the future; now, as long as nothing is known. */
    long local(long peerNanos, long nowNanos) {
        int known = Math.min(count, KEPT);
        if (known == 0) {
            return nowNanos;
        }
        int best = 0;
        for (int i = 1; i < known; i++) {
            if (roundTrips[i] < roundTrips[best]) {
                best = i;
            }
        }
        long local = peerNanos - offsets[best];
        return local - nowNanos < 0 ? local : nowNanos;
    }
}
