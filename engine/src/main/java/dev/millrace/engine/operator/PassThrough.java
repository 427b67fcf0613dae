package dev.millrace.engine.operator;

import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.engine.page.RowCursor;
import java.util.List;

/**
 * An operator that looks at rows and changes none: the task shows it each run of rows by a cursor of
 * its own, and hands the same rows to the next operator without a copy.
 */
public interface PassThrough extends Operator {

    /** Looks at all rows of the cursor, which all have one input partition. */
    void observe(RowCursor rows) throws Exception;

    /**
     * The input partitions that the task has, by {@link RowCursor#inputPartition}; before anything is restored.
     *
     * @param names what tells each from all others of the query, in every run; empty where nothing does
     */
    default void inputPartitions(List<String> names) {}

    /** Whether its watermark, and its idleness, stand for those of its input. */
    default boolean findsWatermark() {
        return false;
    }

    /** The source of the task's input is read in portions; called once, after {@link #inputPartitions}. */
    default void inputPortions(PortionEventTimes shared) {}

    /** The greatest event time that a partition gave so far, for {@link PortionEventTimes#ended}. */
    default long maxEventTimeMicros(int partition) {
        return EventTimeExtractor.NO_EVENT_TIME;
    }

    /** The watermark that the end of a bounded epoch brings behind this operator, given the one before it. */
    default long epochWatermark(long inputMicros) {
        return inputMicros;
    }

    /**
     * Whether nothing is to be expected for now that would move this operator's watermark; the task
     * then tells those behind it not to wait. Depends on time, so it is asked for again while no rows
     * come.
     */
    default boolean isIdle() {
        return false;
    }

    @Override
    default boolean process(RowCursor rows, Output output) {
        throw new MillraceException(
                ErrorCode.INVARIANT,
                "Cannot process rows: operator=%s only observes them. Report this as a bug."
                        .formatted(getClass().getSimpleName()));
    }
}
