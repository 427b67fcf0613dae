package dev.millrace.bench.workload;

import java.util.concurrent.atomic.AtomicLongArray;

/**
 * How far the partitions of an in-process source are, which in the long run is what came through: what lies between
 * source and sink is bounded in every engine. Rows that an engine reads twice count once. One for the process,
 * because engines copy sources.
 *
 * <p>Thread: any.
 */
public final class RowMeter {
    /** Slots lie so far apart that readers do not write to one cache line. */
    private static final int STRIDE = 16;

    private static final int SLOT_COUNT = 64;
    private static final AtomicLongArray COUNTS = new AtomicLongArray(SLOT_COUNT * STRIDE);

    private RowMeter() {}

    /** A partition has given so many rows; a reader says so now and then, not for each row. */
    public static void reach(int partition, long given) {
        COUNTS.accumulateAndGet(partition % SLOT_COUNT * STRIDE, given, Math::max);
    }

    public static long rows() {
        long rows = 0;
        for (int slot = 0; slot < SLOT_COUNT; slot++) {
            rows += COUNTS.get(slot * STRIDE);
        }
        return rows;
    }
}
