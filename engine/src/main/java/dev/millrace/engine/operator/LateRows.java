package dev.millrace.engine.operator;

import dev.millrace.engine.page.RowView;
import dev.millrace.engine.page.Side;

/**
 * Where an operator leaves a row that it drops because the watermark has passed it. Never full: who calls
 * the operator has seen to it that there is room for the late rows of a page.
 *
 * <p>Units: microseconds since 1970-01-01T00:00:00Z. Thread: the owning task. Lifetime: what is handed in is
 * not kept.
 */
@FunctionalInterface
public interface LateRows {
    /** Forgets them. */
    LateRows NOWHERE = (side, row, eventTimeMicros, watermarkMicros) -> {};

    /**
     * Takes a row that was dropped.
     *
     * @param side the input by which it came
     * @param row as it came to the operator
     * @param eventTimeMicros the time by which the row was late
     * @param watermarkMicros the watermark that has passed it
     */
    void add(Side side, RowView row, long eventTimeMicros, long watermarkMicros);
}
