package dev.millrace.spark.join;

import dev.millrace.spark.key.EventTimeColumn;
import java.io.Serializable;
import java.util.List;
import org.apache.spark.sql.catalyst.expressions.UnsafeRow;

/**
 * The watermark at which a row has seen all that can match it. Spark finds the rows to drop anew at
 * every watermark, by a predicate over it; here the watermark that would drop a row is found once,
 * when the row comes.
 *
 * <p>Source: the state watermark predicates of Spark's StreamingSymmetricHashJoinHelper.
 */
public sealed interface RowExpiry extends Serializable {
    /** What is returned for a row that is kept for good. */
    long NEVER = EventTimeColumn.NONE;

    /** Units: microseconds since 1970-01-01T00:00:00Z, or {@link #NEVER}. */
    long micros(UnsafeRow row, UnsafeRow key);

    /** Nothing bounds how long a row may wait for its match. */
    record Never() implements RowExpiry {
        @Override
        public long micros(UnsafeRow row, UnsafeRow key) {
            return NEVER;
        }
    }

    /** Rows of a key wait until the watermark passes the event time in the key. */
    record ByKey(EventTimeColumn eventTime) implements RowExpiry {
        @Override
        public long micros(UnsafeRow row, UnsafeRow key) {
            return eventTime.micros(key);
        }
    }

    /**
     * The condition bounds the other side's event time from above by a time of this row. The row waits
     * until the watermark passes the last of these bounds, as in Spark, though the first would do.
     */
    record ByRange(List<Bound> bounds) implements RowExpiry {
        /**
         * The watermark that drops a row is so much later than the time in that column.
         *
         * @param delayMicros may be negative
         */
        public record Bound(EventTimeColumn time, long delayMicros) implements Serializable {}

        public ByRange {
            bounds = List.copyOf(bounds);
        }

        @Override
        public long micros(UnsafeRow row, UnsafeRow key) {
            long last = Long.MIN_VALUE;
            for (int i = 0; i < bounds.size(); i++) {
                Bound bound = bounds.get(i);
                long time = bound.time().micros(row);
                if (time == EventTimeColumn.NONE) {
                    return NEVER;
                }
                last = Math.max(last, time + bound.delayMicros());
            }
            return last;
        }
    }
}
