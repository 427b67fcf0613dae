package dev.millrace.engine.operator;

import dev.millrace.engine.page.RowView;
import dev.millrace.engine.state.ObjectValues;

/**
 * A keyed aggregation's expressions: how to find a row's key, change the key's buffer by the row, and
 * turn key and buffer into a result row. Two kinds, by what a buffer is: {@link InBytes}, a run of
 * bytes of fixed size that is changed in place, and {@link InObjects}, an object that becomes bytes
 * only at its snapshot.
 *
 * <p>Thread: the owning task; an instance is not shared. Lifetime: views that are returned belong to
 * the instance and are valid until its next call, but a {@link #key} also beyond {@link
 * #expiryMicros}. What is handed in is not kept.
 */
public sealed interface Aggregate {

    /** The key's bytes: equal keys have equal bytes. Empty when there are no grouping keys. */
    RowView key(RowView row);

    /** Whether there are grouping keys; otherwise all rows have the key of no bytes. */
    default boolean hasKeys() {
        return true;
    }

    /**
     * The event time after which a key takes no more rows and is dropped, or {@link Long#MAX_VALUE}
     * for never. Units: microseconds since 1970-01-01T00:00:00Z.
     */
    default long expiryMicros(RowView key) {
        return Long.MAX_VALUE;
    }

    /** Buffers of fixed size, changed where they lie. */
    non-sealed interface InBytes extends Aggregate {
        /** The bytes of a fresh buffer; its size is every buffer's size, a multiple of 8. */
        RowView initialBuffer();

        /** Changes the buffer that lies at {@code offset} by the row. */
        void update(byte[] bytes, int offset, RowView row);

        /** Changes the buffer that lies at {@code offset} by all rows of another buffer. */
        void merge(byte[] bytes, int offset, byte[] otherBytes, int otherOffset);

        /** The result row for a key and its buffer. */
        RowView result(RowView key, byte[] bytes, int offset);
    }

    /** Buffers that are objects. */
    non-sealed interface InObjects extends Aggregate, ObjectValues {
        Object newBuffer();

        void update(Object buffer, RowView row);

        /** Changes a buffer by all rows of another one, which is of no use then. */
        void merge(Object buffer, Object other);

        RowView result(RowView key, Object buffer);
    }
}
