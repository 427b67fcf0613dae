package dev.millrace.engine.operator;

import dev.millrace.engine.page.RowView;

/**
 * What makes two rows duplicates of each other, and for how long one is remembered.
 *
 * <p>Thread: the owning task; an instance is not shared. Lifetime: a view that is returned belongs to
 * the instance and is valid until its next call.
 */
public interface RowIdentity {
    /** The event time of a row that has none. */
    long NO_EVENT_TIME = Long.MAX_VALUE;

    /** The bytes by which a row is known: those of duplicates are equal. */
    RowView key(RowView row);

    /** By which a row is late. Units: microseconds since 1970-01-01T00:00:00Z, or {@link #NO_EVENT_TIME}. */
    long eventTimeMicros(RowView row);

    /**
     * The watermark at which the first row of a key is forgotten, given that row's event time, or
     * {@link Long#MAX_VALUE} for never. Units: microseconds since 1970-01-01T00:00:00Z.
     */
    long expiryMicros(long eventTimeMicros);
}
