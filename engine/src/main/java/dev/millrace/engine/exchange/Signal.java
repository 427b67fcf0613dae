package dev.millrace.engine.exchange;

import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * Lets one thread sleep until another has something for it, without a lock and without losing a call:
 * the sleeper lowers the signal <em>before</em> it looks for work, and sleeps only if it is still low.
 *
 * <p>Thread: {@link #wake} any; all else the one thread that sleeps here.
 */
public final class Signal implements Waker {
    private final Waker beyond;
    private volatile boolean raised;
    private volatile @Nullable Thread sleeper;

    public Signal() {
        this(() -> {});
    }

    /** @param beyond ends what else its thread may be waiting for; called once for each time the signal is raised */
    public Signal(Waker beyond) {
        this.beyond = beyond;
    }

    @Override
    public void wake() {
        if (raised) {
            return;
        }
        raised = true;
        Thread thread = sleeper;
        if (thread != null) {
            LockSupport.unpark(thread);
        }
        beyond.wake();
    }

    /** Call before looking for work. */
    public void lower() {
        raised = false;
    }

    public boolean isRaised() {
        return raised;
    }

    /** Sleeps until the signal is raised, the time is up or the thread is interrupted, whose flag stays. */
    public void await(long timeoutNanos) {
        sleeper = Thread.currentThread();
        if (!raised && timeoutNanos > 0) {
            LockSupport.parkNanos(this, timeoutNanos);
        }
        sleeper = null;
    }
}
