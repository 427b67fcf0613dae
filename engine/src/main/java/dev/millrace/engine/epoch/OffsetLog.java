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
    /** The last epoch that has an entry, or -1. */
    long last() throws IOException;

    /** An epoch's entry, where it has one. */
    Optional<byte[]> entry(long epoch) throws IOException;

    /** Whether an entry was written by another engine than this one, in whatever run. */
    boolean isOfAnotherEngine(byte[] entry);

    /**
     * Adds an entry; false, and nothing changed, when the epoch has one. Where storage cannot create exclusively, an
     * entry that another process adds at the same time may be overwritten, or overwrite this one.
     */
    boolean add(long epoch, byte[] entry) throws IOException;

    /** Puts an entry in the place of the one that the epoch has. */
    void replace(long epoch, byte[] entry) throws IOException;

    /** Removes the entries of all epochs behind one. */
    void removeBehind(long epoch) throws IOException;
}
