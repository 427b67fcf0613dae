package dev.millrace.spark.source;

import org.apache.spark.sql.catalyst.InternalRow;

/** A piece of a portion that one reader reads on its own. Thread: {@link #open} on the reader's, in a task of its own. */
interface Split {
    Rows open() throws Exception;

    /** The rows of a split. Thread: the reader's. */
    interface Rows extends AutoCloseable {
        /** Moves to the next row; false at the end. */
        boolean next() throws Exception;

        /** The row, until the next call of {@link #next}. */
        InternalRow row();

        @Override
        void close() throws Exception;
    }
}
