package dev.millrace.engine.task;

/** A task that starts barriers: one that reads from a source. */
public interface BarrierTarget {
    /**
     * Asks for the barrier that ends {@code epoch} behind the row under way. Epochs are asked for one
     * by one, in order.
     *
     * <p>Thread: any.
     */
    void requestBarrier(long epoch);

    /**
     * As {@link #requestBarrier}, and no row is taken behind that barrier: whatever was written then
     * belongs to an epoch that can be committed, so that a restart reads nothing twice.
     */
    void requestLastBarrier(long epoch);
}
