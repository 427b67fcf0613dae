package dev.millrace.engine.epoch;

/** A sink as the commit protocol sees it. Thread: the query's. */
public interface SinkCommit {
    /**
     * Makes an epoch's rows visible. May come again with the same epoch and the same bytes, in another
     * process too; never with others.
     */
    void commit(long epoch, byte[] messages);

    /**
     * Finds what earlier attempts prepared and did not commit, and tells how to give it up. That is done when nothing of
     * it can be decided any more, and before a writer of the next attempt exists. The process may sleep before it is
     * done, and a run that takes over meanwhile may prepare things of its own; where a sink can tell these apart, it
     * gives up only what was there, or was begun, at this call.
     *
     * @param firstEpoch the first epoch that the next attempt writes
     */
    Runnable unfinished(long firstEpoch);
}
