package dev.millrace.engine.epoch;

import java.io.IOException;
import java.util.Optional;

/**
 * Where each epoch's rows end, in a form that another engine reads too. An entry is bytes to the
 * protocol.
 *
 * <p>Thread: the query's.
 */
public interface OffsetLog {
    /** What stands for an epoch beside what should. */
    enum Standing {
        ABSENT,
        SAME,
        OTHER
    }

    /** The last epoch that has an entry, or -1. */
    long last() throws IOException;

    /** An epoch's entry, where it has one. */
    Optional<byte[]> entry(long epoch) throws IOException;

    Standing standing(long epoch, byte[] entry) throws IOException;

    /** Adds an entry; false, and nothing changed, when the epoch has one. */
    boolean add(long epoch, byte[] entry) throws IOException;

    /** Removes the entries of all epochs behind one. */
    void removeBehind(long epoch) throws IOException;
}
