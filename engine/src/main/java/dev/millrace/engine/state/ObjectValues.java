package dev.millrace.engine.state;

import dev.millrace.engine.page.RowView;

/**
 * How values that are hot objects become bytes and come back.
 *
 * <p>Thread: the owning task. Lifetime: a view that is returned is valid until the next call.
 */
public interface ObjectValues {
    /** The object's bytes; the object itself stays as it is. */
    RowView serialize(Object object);

    Object deserialize(RowView bytes);

    /** A rough size of an object in memory, asked for as it grows. */
    long estimatedBytes(Object object);
}
