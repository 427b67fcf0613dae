package dev.millrace.engine.operator;

import dev.millrace.engine.page.RowView;
import dev.millrace.engine.page.Side;
import java.io.Serializable;

/**
 * The expressions of a join of two streams: when two rows match, what they give, and how long a row
 * has to be kept.
 *
 * <p>Thread: the owning task; an instance is not shared. Lifetime: views that are returned belong to
 * the instance and are valid until its next call, but a {@link #key} also beyond {@link #isNullKey}
 * and {@link #expiryMicros}. What is handed in is not kept.
 */
public interface Join {
    /** Makes the expressions of one task. Thread: any; called on the task's own. */
    @FunctionalInterface
    interface Factory extends Serializable {
        Join create(int taskIndex);
    }

    /**
     * The event time by which a row may be late, or {@link EventTimeExtractor#NO_EVENT_TIME} where it
     * never is. Units: microseconds since 1970-01-01T00:00:00Z.
     */
    long eventTimeMicros(Side side, RowView row);

    /** Whether a row fulfils what the condition asks of its own side; without that it matches nothing. */
    boolean mayMatch(Side side, RowView row);

    /** The key's bytes: equal keys have equal bytes, whichever side they are of. */
    RowView key(Side side, RowView row);

    /** Whether a part of a key is null, so that it equals no key, not even itself. */
    boolean isNullKey(RowView key);

    /**
     * The event time after which no row of the other side can match this one any more, or {@link
     * Long#MAX_VALUE} for never. Units: microseconds since 1970-01-01T00:00:00Z.
     */
    long expiryMicros(Side side, RowView row, RowView key);

    /** Whether two rows of one key fulfil what the condition asks of both together. */
    boolean matches(RowView left, RowView right);

    /** What two rows that match give. */
    RowView joined(RowView left, RowView right);

    /** What a row without a match gives. */
    RowView unmatched(Side side, RowView row);
}
