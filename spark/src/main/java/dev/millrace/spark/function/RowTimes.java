package dev.millrace.spark.function;

import dev.millrace.engine.operator.EventTimeExtractor;
import dev.millrace.engine.page.RowView;
import org.jspecify.annotations.Nullable;

/**
 * The event times of rows, which tell those that the watermark has passed.
 *
 * @param eventTimes reads a row's event time, or null where no row is ever late
 */
record RowTimes(@Nullable EventTimeExtractor eventTimes) {
    long eventTimeMicros(RowView row) {
        return eventTimes == null
                ? EventTimeExtractor.NO_EVENT_TIME
                : eventTimes.eventTimeMicros(row.bytes(), row.offset(), row.sizeBytes());
    }

    boolean isLate(RowView row, long watermarkMicros) {
        long micros = eventTimeMicros(row);
        return micros != EventTimeExtractor.NO_EVENT_TIME && micros <= watermarkMicros;
    }
}
