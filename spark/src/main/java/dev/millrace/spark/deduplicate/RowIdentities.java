package dev.millrace.spark.deduplicate;

import dev.millrace.engine.operator.RowIdentity;
import dev.millrace.engine.page.RowView;
import dev.millrace.spark.fragment.TaskCopies;
import dev.millrace.spark.key.EventTimeColumn;
import dev.millrace.spark.key.KeyReader;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.catalyst.plans.logical.EventTimeWatermark$;

/**
 * Makes one task's view of duplicates.
 *
 * <p>Thread: any; what is made belongs to the calling task. Source: Spark's
 * BaseStreamingDeduplicateExec and those that extend it.
 */
public final class RowIdentities implements Supplier<RowIdentity> {
    private final TaskCopies<DeduplicationSpecification> specifications;

    public RowIdentities(DeduplicationSpecification specification) {
        this.specifications = TaskCopies.of(specification);
    }

    /** Where keys have an event time, by which they expire. */
    public EventTimeColumn keyEventTime() {
        return EventTimeColumn.markedIn(specifications.copy().keys());
    }

    @Override
    public RowIdentity get() {
        DeduplicationSpecification specification = specifications.copy();
        return specification.withinWatermark() ? new WithinWatermark(specification) : new Lasting(specification);
    }

    /** What both kinds read of a row. */
    private abstract static class OfRow implements RowIdentity {
        private final KeyReader keys;
        private final EventTimeColumn eventTime;

        OfRow(DeduplicationSpecification specification) {
            keys = KeyReader.normalizing(specification.keys(), specification.input());
            eventTime = EventTimeColumn.markedIn(specification.input());
        }

        @Override
        public final RowView key(RowView row) {
            return keys.key(row);
        }

        @Override
        public final long eventTimeMicros(RowView row) {
            return eventTime.micros(row);
        }
    }

    /** A key lasts for good, or as long as its event time is not late. */
    private static final class Lasting extends OfRow {
        private final boolean hasEventTimeInKey;

        Lasting(DeduplicationSpecification specification) {
            super(specification);
            hasEventTimeInKey = EventTimeColumn.markedIn(specification.keys()).isPresent();
        }

        @Override
        public long expiryMicros(long eventTimeMicros) {
            return hasEventTimeInKey ? eventTimeMicros : Long.MAX_VALUE;
        }
    }

    /**
     * A key lasts for the watermark's delay from its first row on. That of a row without an event time
     * lasts until the watermark moves next, as in Spark, which takes the time for 1970.
     */
    private static final class WithinWatermark extends OfRow {
        private final long delayMicros;

        WithinWatermark(DeduplicationSpecification specification) {
            super(specification);
            delayMicros = TimeUnit.MILLISECONDS.toMicros(delayMillis(specification));
        }

        private static long delayMillis(DeduplicationSpecification specification) {
            String delayKey = EventTimeWatermark$.MODULE$.delayKey();
            for (Attribute column : specification.input()) {
                if (column.metadata().contains(delayKey)) {
                    return column.metadata().getLong(delayKey);
                }
            }
            throw new IllegalStateException("Cannot find the event time: input=" + specification.input());
        }

        @Override
        public long expiryMicros(long eventTimeMicros) {
            return eventTimeMicros == NO_EVENT_TIME ? delayMicros : eventTimeMicros + delayMicros;
        }
    }
}
