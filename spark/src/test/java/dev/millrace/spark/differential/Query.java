package dev.millrace.spark.differential;

/**
 * A query, and how its answers are compared.
 *
 * @param sourceCount how many sources it reads, from 0 on
 * @param mode the output mode, as users name it
 * @param keyCount the leading columns of which the last row counts, or {@link #ALL_ROWS}
 * @param isOrdered whether the order of rows counts
 * @param isCounted whether only their number counts, that of closing rows included
 * @param hasWatermark whether a watermark reaches the sink
 * @param dropsLateRows whether rows behind the watermark are dropped by the first operator with state
 */
record Query(
        Step top,
        int sourceCount,
        String mode,
        int keyCount,
        boolean isOrdered,
        boolean isCounted,
        boolean hasWatermark,
        boolean dropsLateRows) {
    static final int ALL_ROWS = -1;

    Query with(Step newTop) {
        return new Query(newTop, sourceCount, mode, keyCount, isOrdered, isCounted, hasWatermark, dropsLateRows);
    }

    /** What depends on a closing row is still waiting at the end of a stream in append mode. */
    boolean leavesOutClosing() {
        return mode.equals("append") && !isCounted;
    }
}
