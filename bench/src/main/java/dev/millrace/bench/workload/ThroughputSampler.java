package dev.millrace.bench.workload;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;

/**
 * Looks at {@link RowMeter} once a second while an engine runs.
 *
 * <p>Thread: the one that waits.
 */
public final class ThroughputSampler {
    private ThroughputSampler() {}

    /**
     * What was seen.
     *
     * @param rowsPerSecond behind the warm-up
     * @param perSecond rows in each second, warm-up included
     */
    public record Sample(double rowsPerSecond, List<Long> perSecond) {}

    /** Waits for the first row, then through both times; ends early, with an error, when the query has ended. */
    public static Sample sample(int warmUpSeconds, int seconds, BooleanSupplier running) throws InterruptedException {
        long before = RowMeter.rows();
        while (RowMeter.rows() == before) {
            check(running);
            Thread.sleep(1);
        }
        List<Long> perSecond = new ArrayList<>();
        long start = System.nanoTime();
        long measuredFrom = 0;
        long measuredRows = 0;
        long last = RowMeter.rows();
        for (int second = 0; second < warmUpSeconds + seconds; second++) {
            if (second == warmUpSeconds) {
                measuredFrom = System.nanoTime();
                measuredRows = last;
            }
            TimeUnit.NANOSECONDS.sleep(start + TimeUnit.SECONDS.toNanos(second + 1) - System.nanoTime());
            check(running);
            long rows = RowMeter.rows();
            perSecond.add(rows - last);
            last = rows;
        }
        return new Sample((last - measuredRows) / ((System.nanoTime() - measuredFrom) / 1e9), perSecond);
    }

    private static void check(BooleanSupplier running) {
        if (!running.getAsBoolean()) {
            throw new IllegalStateException("Cannot measure: the query ended by itself.");
        }
    }
}
