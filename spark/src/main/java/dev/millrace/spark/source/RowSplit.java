package dev.millrace.spark.source;

import org.apache.spark.sql.catalyst.InternalRow;

/** A split that one of Spark's readers reads, row by row. Thread: {@link #open} on the reader's, in a task of its own. */
interface RowSplit extends Split {
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
