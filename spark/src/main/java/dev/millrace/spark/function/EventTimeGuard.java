package dev.millrace.spark.function;

import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.engine.operator.EventTimeExtractor;
import dev.millrace.engine.operator.Operator;
import dev.millrace.engine.operator.OperatorFactory;
import dev.millrace.engine.operator.PassThrough;
import dev.millrace.engine.operator.PerTask;
import dev.millrace.engine.page.RowCursor;
import dev.millrace.engine.page.RowView;
import org.apache.spark.sql.errors.QueryExecutionErrors$;

/**
 * Lets no row pass whose event time the watermark has passed: the user's code said which column that is,
 * and state further down builds on it.
 *
 * <p>Thread: the owning task. Source: Spark's UpdateEventTimeColumnExec.
 *
 * <p>Errors: USER_CODE with Spark's own error as its cause.
 */
public final class EventTimeGuard implements PassThrough {
    private final EventTimeExtractor eventTimes;
    private final RowView row = new RowView();
    private long watermarkMicros = Long.MIN_VALUE;

    private EventTimeGuard(EventTimeExtractor eventTimes) {
        this.eventTimes = eventTimes;
    }

    /** Makes one guard per task. */
    public record Factory(PerTask<EventTimeExtractor> eventTimes, String name) implements OperatorFactory {
        @Override
        public Operator create() {
            return new EventTimeGuard(eventTimes.get());
        }
    }

    @Override
    public void observe(RowCursor rows) {
        for (; rows.hasRow(); rows.advance()) {
            rows.row(row);
            long micros = eventTimes.eventTimeMicros(row.bytes(), row.offset(), row.sizeBytes());
            if (micros <= watermarkMicros && micros != EventTimeExtractor.NO_EVENT_TIME) {
                throw older(micros);
            }
        }
    }

    private MillraceException older(long micros) {
        long watermarkMillis = Math.floorDiv(watermarkMicros, 1000);
        return new MillraceException(
                ErrorCode.USER_CODE,
                "Cannot hand a row on: eventTimeMicros=%d, watermarkMillis=%d, and the row is older. Give rows event times behind the watermark."
                        .formatted(micros, watermarkMillis),
                QueryExecutionErrors$.MODULE$.emittedRowsAreOlderThanWatermark(watermarkMillis, micros));
    }

    @Override
    public long outputWatermark(long inputWatermark) {
        watermarkMicros = Math.max(watermarkMicros, inputWatermark);
        return inputWatermark;
    }
}
