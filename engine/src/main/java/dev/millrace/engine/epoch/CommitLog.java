package dev.millrace.engine.epoch;

import java.io.IOException;

/** Which epochs are committed, in a form that another engine reads too. Thread: the query's. */
public interface CommitLog {
    /** The last epoch that has an entry, or -1. */
    long last() throws IOException;

    /**
     * Adds the entry of an epoch; nothing happens when it has one.
     *
     * @param watermarkMillis the watermark that the next epoch begins with
     */
    void add(long epoch, long watermarkMillis) throws IOException;
}
