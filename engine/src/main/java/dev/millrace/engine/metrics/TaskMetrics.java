package dev.millrace.engine.metrics;

/**
 * What one task counts.
 *
 * <p>Thread: written by the owning task, read by any.
 */
public final class TaskMetrics {
    private final RowCount rowsTaken = new RowCount();
    private final StepClock clock = new StepClock();
    private volatile long watermarkMicros = Long.MIN_VALUE;

    /** Rows that are through: read, operated on or written. */
    public RowCount rowsTaken() {
        return rowsTaken;
    }

    public StepClock clock() {
        return clock;
    }

    /** The watermark that arrived last, or {@link Long#MIN_VALUE}. */
    public long watermarkMicros() {
        return watermarkMicros;
    }

    public void watermark(long micros) {
        watermarkMicros = micros;
    }
}
