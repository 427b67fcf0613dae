package dev.millrace.spark.plan;

import java.util.List;

/**
 * Whether a query in bounded epochs wants another one although no row came, because time has something to
 * do for an operator: a window to give, a row to forget, a time-out to call.
 *
 * @param wantsAlways whether an operator goes by processing time, which always has moved
 * @param lagsMillis for each operator that wants one when its watermark has moved, how far that lies behind
 *     the query's
 *
 * <p>Source: {@code shouldRunAnotherBatch} of Spark's stateful operators.
 */
public record NoDataRule(boolean wantsAlways, List<Long> lagsMillis) {
    public NoDataRule {
        lagsMillis = List.copyOf(lagsMillis);
    }

    /** Whether an epoch with the second watermark has something to do behind one with the first. */
    public boolean wantsEpoch(long lastMillis, long nextMillis) {
        return lagsMillis.stream().anyMatch(lag -> behind(nextMillis, lag) > behind(lastMillis, lag));
    }

    private static long behind(long watermarkMillis, long lagMillis) {
        return Math.max(0, watermarkMillis - lagMillis);
    }
}
