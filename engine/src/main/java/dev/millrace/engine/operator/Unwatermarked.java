package dev.millrace.engine.operator;

import dev.millrace.engine.page.RowCursor;

/**
 * Says that the rows which pass have no watermark, so that those of other inputs need not wait for
 * one.
 *
 * <p>Thread: the owning task. Source: in Spark only the operators that define a watermark count for
 * the query's.
 */
public final class Unwatermarked implements PassThrough {
    /** Makes one per task. */
    public record Factory() implements OperatorFactory {
        @Override
        public Operator create() {
            return new Unwatermarked();
        }

        @Override
        public String name() {
            return "NoWatermark";
        }
    }

    @Override
    public void observe(RowCursor rows) {}

    @Override
    public long outputWatermark(long inputWatermark) {
        return Long.MAX_VALUE;
    }
}
