package dev.millrace.engine.operator;

import dev.millrace.engine.metrics.EventTimes;
import dev.millrace.engine.metrics.WatermarkMetrics;
import dev.millrace.engine.page.RowCursor;
import dev.millrace.engine.page.RowView;
import dev.millrace.engine.snapshot.FrozenState;
import dev.millrace.engine.snapshot.OperatorId;
import dev.millrace.engine.snapshot.Section;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Stands where a {@link WatermarkAssigner} stands in continuous epochs: tells which event times pass in a
 * bounded epoch, and brings that epoch's watermark at its end. Its snapshot is the assigner's, so that
 * either can go on from the other.
 *
 * <p>Thread: the owning task. Source: Spark's EventTimeWatermarkExec.
 */
public final class EventTimeObserver implements PassThrough {
    private final EventTimeExtractor extractor;
    private final String watermark;
    private final WatermarkMetrics metrics = new WatermarkMetrics();
    private final RowView row = new RowView();
    private EventTimes ofEpoch = EventTimes.NONE;
    private @Nullable EpochTime time;

    private EventTimeObserver(EventTimeExtractor extractor, String watermark) {
        this.extractor = extractor;
        this.watermark = watermark;
    }

    /**
     * Makes the observer of each task.
     *
     * @param extractors makes one task's extractor
     * @param watermark tells this watermark of the query from the others
     */
    public record Factory(PerTask<EventTimeExtractor> extractors, String name, String watermark)
            implements OperatorFactory {
        @Override
        public boolean assignsWatermark() {
            return true;
        }

        @Override
        public Operator create() {
            return new EventTimeObserver(extractors.get(), watermark);
        }
    }

    @Override
    public void open(OperatorContext context) {
        // Whoever plans such an operator runs the dataflow by the time of bounded epochs.
        time = (EpochTime) context.time();
        context.metrics().watermark(metrics);
    }

    @Override
    public void observe(RowCursor rows) {
        long count = 0;
        long min = Long.MAX_VALUE;
        long max = Long.MIN_VALUE;
        double sum = 0;
        for (; rows.hasRow(); rows.advance()) {
            rows.row(row);
            long micros = extractor.eventTimeMicros(row.bytes(), row.offset(), row.sizeBytes());
            if (micros != EventTimeExtractor.NO_EVENT_TIME) {
                count++;
                min = Math.min(min, micros);
                max = Math.max(max, micros);
                sum += micros;
            }
        }
        if (count > 0) {
            ofEpoch = ofEpoch.plus(new EventTimes(count, min, max, sum / count));
        }
    }

    @Override
    public boolean barrier(long epoch, Output output) {
        metrics.ended(epoch, ofEpoch);
        if (ofEpoch.count() > 0) {
            time().observed(watermark, ofEpoch);
        }
        ofEpoch = EventTimes.NONE;
        return true;
    }

    @Override
    public long epochWatermark(long inputMicros) {
        return time().watermarkMicros();
    }

    @Override
    public FrozenState freeze(OperatorId id) {
        return FrozenState.of(WatermarkState.section(id, time().watermarkMicros()));
    }

    private EpochTime time() {
        return Objects.requireNonNull(time, "not open");
    }

    /** The query's thread knows the watermark, from the log. */
    @Override
    public void restore(Section section) {}
}
