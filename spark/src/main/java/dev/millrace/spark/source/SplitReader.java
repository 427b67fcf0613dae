package dev.millrace.spark.source;

import dev.millrace.engine.source.PartitionOutput;

/**
 * Reads one split after the other for a slot, as long as a dataflow lives; so what it holds, such as a connection, lasts
 * from epoch to epoch.
 *
 * <p>Thread: the reader's, which is interrupted when the query stops.
 */
public interface SplitReader extends AutoCloseable {
    /** How a split stands after a {@link #read}. */
    enum Progress {
        /** There is more to read. */
        MORE,
        /** There is more, once the output has room again. */
        NO_ROOM,
        /** All of it was appended. */
        READ
    }

    /** Begins with a split; all of the one before was read. */
    void begin(Split split) throws Exception;

    /** Appends a bounded batch of the split to the output, and publishes it. May wait before its first row. */
    Progress read(PartitionOutput output) throws Exception;

    /** Lets go of what it holds, in the midst of a split too. */
    @Override
    void close() throws Exception;
}
