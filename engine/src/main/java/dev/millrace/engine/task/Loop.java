package dev.millrace.engine.task;

import dev.millrace.engine.error.Interruption;
import dev.millrace.engine.exchange.Signal;
import dev.millrace.engine.metrics.StepClock;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * A thread that advances steps in turn, sleeps when none can go on, and is woken by whoever has
 * something for one of them. Compute loops hold one task of every stage; what may block (a reader, a
 * sink task, a pulled fragment) has a loop of its own.
 *
 * <p>Thread: {@link #start}, {@link #requestStop} and {@link #awaitStop} any.
 */
public final class Loop {
    private static final long LONGEST_SLEEP_NANOS = TimeUnit.SECONDS.toNanos(10);

    private final List<Step> steps;
    private final Signal signal;
    private final TaskScope scope;
    private final FailureListener failures;
    private final Thread thread;
    private volatile boolean stopping;

    public Loop(String threadName, List<Step> steps, Signal signal, TaskScope scope, FailureListener failures) {
        this.steps = List.copyOf(steps);
        this.signal = signal;
        this.scope = scope;
        this.failures = failures;
        this.thread = new Thread(this::run, threadName);
        thread.setDaemon(true);
    }

    public void start() {
        thread.start();
    }

    /** Asks the loop to end after the step under way. */
    public void requestStop() {
        stopping = true;
        signal.wake();
    }

    /** Interrupts a step that blocks. Only after {@link #requestStop}. */
    public void interrupt() {
        thread.interrupt();
    }

    /** Waits for the loop's end; false when the time is up. */
    public boolean awaitStop(long timeoutNanos) throws InterruptedException {
        if (thread.getState() == Thread.State.NEW) {
            return true;
        }
        thread.join(Math.max(1, TimeUnit.NANOSECONDS.toMillis(timeoutNanos)));
        return !thread.isAlive();
    }

    public String name() {
        return thread.getName();
    }

    private void run() {
        try {
            scope.run(this::openAndAdvance);
        } catch (Throwable e) {
            failures.failed(name(), e);
        }
    }

    private void openAndAdvance() {
        int opened = 0;
        Step[] all = steps.toArray(new Step[0]); // Gone through without an iterator for each turn.
        Step current = all[0];
        try {
            for (Step step : all) {
                current = step;
                opened++;
                step.open();
            }
            while (!stopping) {
                signal.lower();
                boolean progress = false;
                long now = System.nanoTime();
                for (Step step : all) {
                    current = step;
                    StepClock clock = step.clock();
                    if (clock == null) {
                        progress |= step.step();
                        continue;
                    }
                    clock.enter(StepClock.Phase.BUSY, now);
                    progress |= step.step();
                    now = System.nanoTime();
                    clock.enter(step.isBackPressured() ? StepClock.Phase.BACK_PRESSURED : StepClock.Phase.IDLE, now);
                }
                if (!progress && !stopping) {
                    signal.await(untilNextDeadline());
                }
            }
        } catch (Throwable e) {
            // An interrupt while stopping is how a blocked step is told to end.
            if (!(stopping && Interruption.isIn(e))) {
                failures.failed(current.name(), e);
            }
        } finally {
            closeSteps(opened);
        }
    }

    private long untilNextDeadline() {
        long nearest = LONGEST_SLEEP_NANOS;
        long now = System.nanoTime();
        for (Step step : steps) {
            long deadline = step.deadlineNanos();
            if (deadline != Long.MAX_VALUE) {
                nearest = Math.min(nearest, Math.max(0, deadline - now));
            }
        }
        return nearest;
    }

    private void closeSteps(int opened) {
        // Closing may block on the outside, and must not fail for an interrupt that was meant for the step.
        boolean interrupted = Thread.interrupted();
        for (int i = opened - 1; i >= 0; i--) {
            try {
                steps.get(i).close();
            } catch (Throwable e) {
                failures.failed("closing " + steps.get(i).name(), e);
            }
        }
        if (interrupted) {
            thread.interrupt();
        }
    }
}
