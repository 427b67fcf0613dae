package dev.millrace.examples.demo;

import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Turns Ctrl-C, or a termination signal, into an orderly end: the main thread is told, does what it does
 * at the end, and its exit code becomes that of the process.
 *
 * <p>Thread: the main thread, but for {@link #onSignal}.
 */
final class StopSignal {
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    private final CountDownLatch asked = new CountDownLatch(1);
    private final CountDownLatch finished = new CountDownLatch(1);
    private @Nullable Thread interruptible;
    private volatile int exitCode;

    static StopSignal install() {
        StopSignal signal = new StopSignal();
        Runtime.getRuntime().addShutdownHook(new Thread(signal::onSignal, "stop signal"));
        return signal;
    }

    boolean isAsked() {
        return asked.getCount() == 0;
    }

    /** Waits until the user asks for the end, or the time is there; says which. */
    boolean awaitUntil(long deadlineNanos) throws InterruptedException {
        return asked.await(deadlineNanos - System.nanoTime(), TimeUnit.NANOSECONDS);
    }

    /** From now on the signal also interrupts the calling thread, or, with false, no longer does. */
    synchronized void interruptsCaller(boolean interrupts) {
        interruptible = interrupts ? Thread.currentThread() : null;
    }

    /** Ends the process; what is still to be ended should have been. */
    void exit(int code) {
        exitCode = code;
        finished.countDown();
        System.exit(code);
    }

    /** The hook runs on every exit. Halting is what gives Ctrl-C the main thread's exit code. */
    private void onSignal() {
        asked.countDown();
        synchronized (this) {
            if (interruptible != null) {
                interruptible.interrupt();
            }
        }
        boolean orderly = false;
        try {
            orderly = finished.await(PATIENCE.toSeconds(), TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        Runtime.getRuntime().halt(orderly ? exitCode : 1);
    }
}
