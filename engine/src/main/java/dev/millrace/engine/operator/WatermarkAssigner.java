package dev.millrace.engine.operator;

import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.engine.metrics.EventTimes;
import dev.millrace.engine.metrics.WatermarkMetrics;
import dev.millrace.engine.page.RowCursor;
import dev.millrace.engine.page.RowView;
import dev.millrace.engine.snapshot.FrozenState;
import dev.millrace.engine.snapshot.OperatorId;
import dev.millrace.engine.snapshot.Section;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Finds the watermark of the rows that pass: the least, over the input partitions, of the greatest
 * event time seen less the delay. A partition that gave no row yet, now or in a run before, holds the watermark
 * where it is; one that gave none for a time is left out until its next row. Rows without an event time do not count.
 * The watermark never moves back. Where the source is read in portions it is one partition, whose greatest
 * event time is that of {@link PortionEventTimes}.
 *
 * <p>Thread: the owning task. Source: Spark's EventTimeWatermark, whose one greatest event time for all
 * partitions would here depend on which partition is read first.
 */
public final class WatermarkAssigner implements PassThrough {
    private static final long NONE = EventTimeExtractor.NO_EVENT_TIME;
    private static final long NOT_RESTORED = Long.MAX_VALUE;

    /** How often what is known is told to those who look from outside. */
    private static final long PUBLISHING_NANOS = TimeUnit.MILLISECONDS.toNanos(100);

    private final EventTimeExtractor extractor;
    private final long delayMicros;
    private final long idleAfterNanos;
    private final RowView row = new RowView();
    private final WatermarkMetrics metrics = new WatermarkMetrics();

    /** The partitions that can be told in the next run. */
    private final Map<String, Integer> namedPartitions = new LinkedHashMap<>();

    /** By input partition, as is when each had its last row. */
    private long[] maxEventTimeMicros = {NONE};

    private long[] lastRowNanos;
    private long watermarkMicros = NONE;
    private long restoredMicros = NOT_RESTORED;
    private @Nullable PortionEventTimes portions;
    private EventTimes eventTimesOfEpoch = EventTimes.NONE;
    private long publishedNanos;

    /** As {@link System#nanoTime}; the dataflow's own from {@link #open} on. */
    private LongSupplier nanoClock = System::nanoTime;

    /** @param idleAfterNanos a partition without rows for so long is left out; {@link Long#MAX_VALUE} for never */
    public WatermarkAssigner(EventTimeExtractor extractor, long delayMicros, long idleAfterNanos) {
        this.extractor = extractor;
        this.delayMicros = delayMicros;
        this.idleAfterNanos = idleAfterNanos;
        this.lastRowNanos = new long[1];
    }

    @Override
    public void open(OperatorContext context) {
        nanoClock = context.nanoClock();
        Arrays.fill(lastRowNanos, nanoClock.getAsLong());
        publishedNanos = lastRowNanos[0] - PUBLISHING_NANOS;
        context.metrics().watermark(metrics);
    }

    @Override
    public void inputPartitions(List<String> names) {
        for (int i = 0; i < names.size(); i++) {
            if (!names.get(i).isEmpty()) {
                namedPartitions.put(names.get(i), i);
            }
        }
        maxEventTimeMicros = new long[names.size()];
        lastRowNanos = new long[names.size()];
        Arrays.fill(maxEventTimeMicros, NONE);
        Arrays.fill(lastRowNanos, nanoClock.getAsLong());
    }

    @Override
    public boolean findsWatermark() {
        return true;
    }

    @Override
    public void inputPortions(PortionEventTimes shared) {
        portions = shared;
    }

    @Override
    public long maxEventTimeMicros(int partition) {
        return maxEventTimeMicros[partition];
    }

    @Override
    public void observe(RowCursor rows) {
        if (!rows.hasRow()) {
            return;
        }
        int index = rows.inputPartition();
        if (index >= maxEventTimeMicros.length) {
            throw new MillraceException(
                    ErrorCode.INVARIANT,
                    "Cannot assign a watermark: partition=%d was not declared, declared=%d. Report this as a bug."
                            .formatted(index, maxEventTimeMicros.length));
        }
        long max = NONE;
        long min = Long.MAX_VALUE;
        double sum = 0;
        long count = 0;
        while (rows.hasRow()) {
            rows.row(row);
            long micros = extractor.eventTimeMicros(row.bytes(), row.offset(), row.sizeBytes());
            if (micros != NONE) {
                max = Math.max(max, micros);
                min = Math.min(min, micros);
                sum += micros;
                count++;
            }
            rows.advance();
        }
        if (count > 0) {
            maxEventTimeMicros[index] = Math.max(maxEventTimeMicros[index], max);
            lastRowNanos[index] = nanoClock.getAsLong();
            if (portions != null) {
                portions.rowsCame(lastRowNanos[index]);
            }
            eventTimesOfEpoch = eventTimesOfEpoch.plus(new EventTimes(count, min, max, sum / count));
        }
    }

    @Override
    public boolean barrier(long epoch, Output output) {
        publish(nanoClock.getAsLong());
        metrics.ended(epoch, eventTimesOfEpoch);
        eventTimesOfEpoch = EventTimes.NONE;
        return true;
    }

    private void publish(long now) {
        publishedNanos = now;
        metrics.underWay(eventTimesOfEpoch);
        List<WatermarkMetrics.Partition> all = new ArrayList<>(maxEventTimeMicros.length);
        for (int i = 0; i < maxEventTimeMicros.length; i++) {
            all.add(new WatermarkMetrics.Partition(maxEventTimeMicros[i], isIdle(i, now)));
        }
        metrics.partitions(all);
    }

    /**
     * The watermark as of now: time alone may move it, when a partition falls idle. When all are, nobody is
     * waited for, and the partition that is ahead says how far the rows have come.
     */
    @Override
    public long outputWatermark(long inputWatermark) {
        long now = nanoClock.getAsLong();
        if (now - publishedNanos >= PUBLISHING_NANOS) {
            publish(now);
        }
        long reached = portions == null ? reachedByPartitions(now) : portions.reachedMicros();
        if (reached >= NONE + delayMicros) {
            watermarkMicros = Math.max(watermarkMicros, reached - delayMicros);
        }
        return watermarkMicros;
    }

    private long reachedByPartitions(long now) {
        long least = Long.MAX_VALUE;
        long greatest = NONE;
        boolean anyActive = false;
        for (int i = 0; i < maxEventTimeMicros.length; i++) {
            greatest = Math.max(greatest, maxEventTimeMicros[i]);
            if (!isIdle(i, now)) {
                anyActive = true;
                least = Math.min(least, maxEventTimeMicros[i]);
            }
        }
        return anyActive ? least : greatest;
    }

    /** Whether every partition is idle, which is so too where there is none. */
    @Override
    public boolean isIdle() {
        long now = nanoClock.getAsLong();
        if (portions != null) {
            return now - portions.lastRowNanos() >= idleAfterNanos;
        }
        for (int i = 0; i < maxEventTimeMicros.length; i++) {
            if (!isIdle(i, now)) {
                return false;
            }
        }
        return true;
    }

    private boolean isIdle(int index, long now) {
        return now - lastRowNanos[index] >= idleAfterNanos;
    }

    /**
     * The watermark, lest a restored query take rows that were late before, and how far the partitions have
     * come, lest one that gives nothing more hold back those that do. A task that reads nothing has neither;
     * one that waits for its first row has a watermark that holds the others back.
     */
    @Override
    public FrozenState freeze(OperatorId id) {
        if (maxEventTimeMicros.length == 0) {
            return FrozenState.of(WatermarkState.section(id));
        }
        Section section = WatermarkState.section(id, watermarkMicros);
        namedPartitions.forEach((name, index) -> {
            if (maxEventTimeMicros[index] != NONE) {
                WatermarkState.putPartition(section, name, maxEventTimeMicros[index]);
            }
        });
        return FrozenState.of(section);
    }

    /**
     * Of all tasks' watermarks the least holds, so that no row of whichever partition is late that was not so
     * before. Of the partitions each task takes those that it has now.
     */
    @Override
    public void restore(Section section) throws Exception {
        section.read(entry -> {
            String partition = WatermarkState.partition(entry);
            long micros = WatermarkState.micros(entry.value());
            if (partition.isEmpty()) {
                restoredMicros = Math.min(restoredMicros, micros);
            } else if (namedPartitions.containsKey(partition)) {
                maxEventTimeMicros[namedPartitions.get(partition)] = micros;
            }
        });
    }

    @Override
    public void restored() {
        if (restoredMicros != NOT_RESTORED) {
            watermarkMicros = restoredMicros;
        }
    }
}
