package dev.millrace.spark.execution;

import java.util.concurrent.TimeUnit;
import org.apache.spark.util.Clock;
import org.apache.spark.util.SystemClock;
import org.jspecify.annotations.Nullable;

/**
 * Tells when a trigger interval is over. The machine's clock is read directly; any other clock, such
 * as a test's manual one, is waited for in {@link Clock#waitTillTime} on a thread of its own, because
 * the query's thread must go on committing epochs meanwhile.
 *
 * <p>Thread: the query's.
 */
final class EpochTimer implements AutoCloseable {
    private final long intervalMillis;
    private final long intervalNanos;
    private final @Nullable ClockThread clockThread;
    private long dueNanos;

    /** @param wake called when another clock than the machine's has reached the interval's end; on any thread */
    EpochTimer(Clock clock, long intervalMillis, String queryName, Runnable wake) {
        this.intervalMillis = intervalMillis;
        this.intervalNanos = TimeUnit.MILLISECONDS.toNanos(intervalMillis);
        this.clockThread = clock instanceof SystemClock ? null : new ClockThread(clock, queryName, wake);
    }

    /** Begins the first interval now. */
    void start() {
        dueNanos = System.nanoTime() + intervalNanos;
        if (clockThread != null) {
            clockThread.start();
            clockThread.arm(intervalMillis);
        }
    }

    boolean isDue() {
        return clockThread != null ? clockThread.isDue() : System.nanoTime() - dueNanos >= 0;
    }

    /** Begins the next interval where the last one ended; intervals that are over by now are skipped. */
    void next() {
        long now = System.nanoTime();
        dueNanos += intervalNanos;
        if (dueNanos - now < 0) {
            dueNanos = now + intervalNanos;
        }
        if (clockThread != null) {
            clockThread.arm(intervalMillis);
        }
    }

    /** How long to wait at most before asking again. */
    long remainingNanos() {
        return clockThread != null ? TimeUnit.SECONDS.toNanos(1) : Math.max(0, dueNanos - System.nanoTime());
    }

    @Override
    public void close() {
        if (clockThread != null) {
            clockThread.end();
        }
    }

    /** Waits in the clock for the end of one interval after the other. */
    private static final class ClockThread extends Thread {
        private static final long END_MILLIS = 1_000;

        private final Clock clock;
        private final Runnable wake;
        private long targetMillis;
        private boolean armed;
        private boolean due;

        ClockThread(Clock clock, String queryName, Runnable wake) {
            super("millrace-clock-" + queryName);
            setDaemon(true);
            this.clock = clock;
            this.wake = wake;
        }

        synchronized void arm(long intervalMillis) {
            targetMillis = clock.getTimeMillis() + intervalMillis;
            due = false;
            armed = true;
            notifyAll();
        }

        synchronized boolean isDue() {
            return due;
        }

        void end() {
            interrupt();
            try {
                join(END_MILLIS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }

        @Override
        public void run() {
            try {
                while (true) {
                    long unused = clock.waitTillTime(awaitTarget());
                    synchronized (this) {
                        due = true;
                    }
                    wake.run();
                }
            } catch (InterruptedException e) {
                return; // the only way to end it
            }
        }

        private synchronized long awaitTarget() throws InterruptedException {
            while (!armed) {
                wait();
            }
            armed = false;
            return targetMillis;
        }
    }
}
