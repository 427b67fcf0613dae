package dev.millrace.engine.metrics;

/**
 * How many rows went by one place.
 *
 * <p>Thread: {@link #add} the owning task, {@link #total} any.
 */
public final class RowCount {
    private volatile long total;

    @SuppressWarnings("NonAtomicVolatileUpdate") // one writer
    public void add(long rows) {
        total += rows;
    }

    public long total() {
        return total;
    }
}
