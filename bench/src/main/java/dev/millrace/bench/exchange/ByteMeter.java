package dev.millrace.bench.exchange;

import java.util.concurrent.TimeUnit;

/**
 * Counts what arrives behind a warm-up, and says it once: {@code result {"bytes":…,"nanos":…,"sum":…}}.
 *
 * <p>Thread: whoever receives.
 */
final class ByteMeter {
    private final long warmUpNanos;
    private final long measuredNanos;
    private long firstNanos = -1;
    private long startNanos = -1;
    private long bytes;
    private long sum;
    private boolean isOver;

    ByteMeter(long warmUpSeconds, long seconds) {
        this.warmUpNanos = TimeUnit.SECONDS.toNanos(warmUpSeconds);
        this.measuredNanos = TimeUnit.SECONDS.toNanos(seconds);
    }

    /** Takes something out of a row, so that reading it is not left out as useless. */
    void row(long number) {
        sum += number;
    }

    /** What arrived at once does not count where it begins the warm-up or the measured time. */
    void add(long arrivedBytes) {
        if (isOver) {
            return;
        }
        long now = System.nanoTime();
        if (firstNanos < 0) {
            firstNanos = now;
        } else if (startNanos >= 0) {
            bytes += arrivedBytes;
            if (now - startNanos >= measuredNanos) {
                isOver = true;
                System.out.printf("result {\"bytes\":%d,\"nanos\":%d,\"sum\":%d}%n", bytes, now - startNanos, sum);
            }
        } else if (now - firstNanos >= warmUpNanos) {
            startNanos = now;
        }
    }
}
