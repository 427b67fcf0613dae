package dev.millrace.engine.operator;

import dev.millrace.engine.page.RowCursor;
import dev.millrace.engine.page.RowView;
import dev.millrace.engine.snapshot.FrozenState;
import dev.millrace.engine.snapshot.OperatorId;
import dev.millrace.engine.snapshot.Section;
import java.util.function.Supplier;

/**
 * Stands where a {@link WatermarkAssigner} stands in continuous epochs: tells which event times pass in a
 * bounded epoch, and brings that epoch's watermark at its end. Its snapshot is the assigner's, so that
 * either can go on from the other.
 *
 * <p>Thread: the owning task. Source: Spark's EventTimeWatermarkExec, in which a row without an event time
 * counts as one of 1970.
 */
public final class EventTimeObserver implements PassThrough {
    private static final long MICROS_PER_MILLI = 1_000;

    private final EventTimeExtractor extractor;
    private final String watermark;
    private final EpochTime time;
    private final RowView row = new RowView();
    private long maxMillis = Long.MIN_VALUE;
    private long minMillis = Long.MAX_VALUE;
    private double sumMillis;
    private long count;

    private EventTimeObserver(EventTimeExtractor extractor, String watermark, EpochTime time) {
        this.extractor = extractor;
        this.watermark = watermark;
        this.time = time;
    }

    /**
     * Makes the observer of each task.
     *
     * @param extractors makes one task's extractor
     * @param watermark tells this watermark of the query from the others
     */
    public record Factory(Supplier<EventTimeExtractor> extractors, String name, String watermark, EpochTime time)
            implements OperatorFactory {
        @Override
        public boolean assignsWatermark() {
            return true;
        }

        @Override
        public Operator create() {
            return new EventTimeObserver(extractors.get(), watermark, time);
        }
    }

    @Override
    public void observe(RowCursor rows) {
        for (; rows.hasRow(); rows.advance()) {
            rows.row(row);
            long micros = extractor.eventTimeMicros(row.bytes(), row.offset(), row.sizeBytes());
            long millis = micros == EventTimeExtractor.NO_EVENT_TIME ? 0 : Math.floorDiv(micros, MICROS_PER_MILLI);
            maxMillis = Math.max(maxMillis, millis);
            minMillis = Math.min(minMillis, millis);
            sumMillis += millis;
            count++;
        }
    }

    @Override
    public boolean barrier(long epoch, Output output) {
        if (count > 0) {
            time.observed(watermark, new ObservedEventTimes(maxMillis, minMillis, sumMillis, count));
            maxMillis = Long.MIN_VALUE;
            minMillis = Long.MAX_VALUE;
            sumMillis = 0;
            count = 0;
        }
        return true;
    }

    @Override
    public long epochWatermark(long inputMicros) {
        return time.watermarkMicros();
    }

    @Override
    public FrozenState freeze(OperatorId id) {
        return FrozenState.of(WatermarkState.section(id, time.watermarkMicros()));
    }

    /** The query's thread knows the watermark, from the log. */
    @Override
    public void restore(Section section) {}
}
