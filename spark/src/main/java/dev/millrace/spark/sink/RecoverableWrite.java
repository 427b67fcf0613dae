package dev.millrace.spark.sink;

import dev.millrace.engine.epoch.Ballot;
import org.apache.spark.sql.connector.write.streaming.StreamingWrite;

/**
 * A write that leaves something prepared outside: what its writers' messages name, until it is
 * committed. Its commit may come again with the same epoch and messages, in another process too, when
 * the first was cut short; the second must finish what the first began and change nothing else.
 *
 * <p>Thread: the query's.
 */
public interface RecoverableWrite extends StreamingWrite {
    /**
     * Finds what earlier attempts began or prepared and did not commit, and tells how to give it up. Called once per
     * attempt, before its first writer exists and after a commit that was cut short was repeated. It is given up once
     * nobody can decide about it any more, perhaps so late that another process has gone on: what a younger attempt
     * began after this call, under a higher ballot, is left alone.
     *
     * @param ballot of the attempt that begins; what it prepares may bear it
     */
    Runnable unfinished(Ballot ballot);

    /**
     * An attempt is over, and so are its writers. What was never to be decided came to {@link #abort} before.
     *
     * @param isSettled whether nothing that the attempt prepared waits for its commit, for its decision to become
     *     known, or to be given up by the next one
     */
    void end(boolean isSettled);
}
