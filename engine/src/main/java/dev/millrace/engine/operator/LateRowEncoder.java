package dev.millrace.engine.operator;

import dev.millrace.engine.page.RowView;
import dev.millrace.engine.page.Side;

/**
 * Makes of a row that an operator dropped as late the row that tells of it.
 *
 * <p>Units: microseconds since 1970-01-01T00:00:00Z. Thread: the owning task. Lifetime: what is returned is
 * valid until the next call.
 */
@FunctionalInterface
public interface LateRowEncoder {
    /** @param side the input by which the row came */
    RowView encode(Side side, RowView row, long eventTimeMicros, long watermarkMicros);
}
