package dev.millrace.spark.function;

import dev.millrace.engine.operator.EventTimeExtractor;
import dev.millrace.engine.page.RowView;
import org.jspecify.annotations.Nullable;

/**
 * Tells rows that the watermark has passed.
 *
 * @param eventTimes reads a row's event time, or null where no row is ever late
 */
record LateRows(@Nullable EventTimeExtractor eventTimes) {
    boolean isLate(RowView row, long watermarkMicros) {
        if (eventTimes == null) {
            return false;
        }
        long micros = eventTimes.eventTimeMicros(row.bytes(), row.offset(), row.sizeBytes());
        return micros != EventTimeExtractor.NO_EVENT_TIME && micros <= watermarkMicros;
    }
}
