package dev.millrace.bench.inprocess;

import org.apache.spark.sql.catalyst.InternalRow;

/**
 * One partition's rows, made as they are taken.
 *
 * <p>Thread: one owner.
 */
interface RowFeed {
    /** Makes the next row; false when there is none, or none yet after so long a wait. */
    boolean next(long timeoutMillis);

    /** The row made last; valid until the next one. */
    InternalRow row();

    /** Rows made, those before a restart included. */
    long given();

    /** Says how far it is, when nobody asks it any more. */
    void close();
}
