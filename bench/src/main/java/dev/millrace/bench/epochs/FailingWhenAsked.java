package dev.millrace.bench.epochs;

import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.spark.sql.api.java.UDF1;

/**
 * A user's function that gives what it is given, and fails once when it is asked to: measures how long it is until
 * it sees the next row. What goes on of the dataflow that failed does not count: the next one has threads of its own.
 * One for the process, because Spark copies functions.
 *
 * <p>Thread: any.
 */
final class FailingWhenAsked implements UDF1<Long, Long> {
    private static final long serialVersionUID = 1L;
    private static final AtomicBoolean ASKED = new AtomicBoolean();

    /** For each thread, how many failures there had been when it first came here. */
    private static final ConcurrentHashMap<Thread, Integer> FIRST_SEEN = new ConcurrentHashMap<>();

    private static volatile int failures;
    private static volatile long failedNanos;
    private static volatile long replayedNanos;

    /** The next row is to fail. */
    static void fail() {
        replayedNanos = 0;
        ASKED.set(true);
    }

    /** Whether a row came after the failure that was asked for. */
    static boolean isReplayed() {
        return replayedNanos != 0;
    }

    /** From the failure to the first row after it. */
    static long tookNanos() {
        return replayedNanos - failedNanos;
    }

    @Override
    public Long call(Long value) {
        int before = failures;
        if (before > 0 && replayedNanos == 0 && !ASKED.get() && firstSeen(before) == before) {
            replayedNanos = System.nanoTime();
        }
        if (ASKED.get() && ASKED.compareAndSet(true, false)) {
            failures = before + 1;
            failedNanos = System.nanoTime();
            throw new IllegalStateException("asked to fail, failure=" + failures);
        }
        int unused = firstSeen(before);
        return value;
    }

    private static int firstSeen(int now) {
        Integer first = FIRST_SEEN.putIfAbsent(Thread.currentThread(), now);
        return first == null ? now : first;
    }
}
