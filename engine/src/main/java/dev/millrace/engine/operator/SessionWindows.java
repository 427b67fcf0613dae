package dev.millrace.engine.operator;

import dev.millrace.engine.page.RowView;

/**
 * The session window within the keys of an aggregation. A row's own window begins at its event time and
 * is as long as its gap; windows of one group that meet become one.
 *
 * <p>Units: microseconds since 1970-01-01T00:00:00Z. Thread: the owning task. Lifetime: a view that is
 * returned is valid until the same method is called again.
 */
public interface SessionWindows {
    long startMicros(RowView key);

    /** The first moment behind the window. */
    long endMicros(RowView key);

    /** A key without its window: equal groups have equal bytes. */
    RowView group(RowView key);

    /** The key of a group's window. */
    RowView key(RowView group, long startMicros, long endMicros);
}
