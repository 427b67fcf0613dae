package dev.millrace.engine.source;

/**
 * What there is on one worker of a source that is read in portions, as the driver knows it: readers and the tasks that
 * take their rows.
 *
 * <p>Thread: any; calls only queue and never block, and come in their order.
 */
public interface PortionTarget {
    /** @see PortionInbox#portion */
    void portion(Object share);

    /** @see PortionInbox#endEpoch */
    void endEpoch(long epoch, long portion);

    /**
     * All workers are through with a portion.
     *
     * @param portion counts from 1
     * @param reachedMicros the greatest event time in it, on all workers and of all portions before
     */
    void settled(long portion, long reachedMicros);
}
