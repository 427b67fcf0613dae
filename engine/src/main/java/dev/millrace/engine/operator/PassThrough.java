package dev.millrace.engine.operator;

import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.engine.page.RowCursor;

/**
 * An operator that looks at rows and passes all of them on unchanged, so that the task hands the same
 * bytes to the next operator without a copy.
 */
public interface PassThrough extends Operator {
    /** Looks at all rows of the cursor; the cursor is the operator's to move. */
    void observe(RowCursor rows) throws Exception;

    /** The source partitions whose rows this task sees; called before any row, and again when one is added. */
    default void inputPartitions(int[] partitions) {}

    /** Whether no watermark should be expected from here for now. */
    default boolean isIdle() {
        return false;
    }

    @Override
    default boolean process(RowCursor rows, Output output) {
        throw new MillraceException(
                ErrorCode.INVARIANT, "Cannot process rows: operator=%s passes them through.".formatted(this));
    }
}
