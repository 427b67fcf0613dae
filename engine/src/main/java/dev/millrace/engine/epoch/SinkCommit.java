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
     * done, and a run that takes over meanwhile may prepare things of its own: only what was there, or was begun, at
     * this call may be given up, or what was prepared under lower ballots.
     *
     * @param firstEpoch the first epoch that the next attempt writes
     * @param ballot under which the next attempt writes; it is no other's, and all that take over later have higher ones
     */
    Runnable unfinished(long firstEpoch, Ballot ballot);
}
