package dev.millrace.spark.aggregate;

import org.apache.spark.sql.catalyst.expressions.UnsafeRow;

/**
 * What generated code does for one aggregation whose buffers lie in bytes. Public, as that code is a
 * class of another package.
 *
 * <p>Thread: the owning task.
 */
public abstract class GeneratedBuffer {
    /** Changes a buffer by a row. */
    public abstract void update(UnsafeRow buffer, UnsafeRow row);

    /** The result row for a key and its buffer; valid until the next call. */
    public abstract UnsafeRow result(UnsafeRow key, UnsafeRow buffer);
}
