package dev.millrace.engine.epoch;

/** A sink as the commit protocol sees it. Thread: the query's. */
public interface SinkCommit {
    /**
     * Makes an epoch's rows visible. May come again with the same epoch and the same bytes, in another
     * process too; never with others.
     */
    void commit(long epoch, byte[] messages);

    /**
     * Gives up what earlier attempts prepared and did not commit. Nothing of it can be decided any more,
     * and no writer of the next attempt exists yet.
     *
     * @param firstEpoch the first epoch that the next attempt writes
     */
    void abortUnfinished(long firstEpoch);
}
