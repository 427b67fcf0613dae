package dev.millrace.engine.metrics;

import java.lang.invoke.VarHandle;

/**
 * Where the time of one step goes: to its work, to waiting at a full output, or to waiting for input or its turn.
 *
 * <p>Units: {@link System#nanoTime}. Thread: {@link #enter} the one that steps, {@link #times} any. Source: a
 * sequence lock with one writer, so that a reader in the midst of a long step sees it as busy without an atomic
 * operation on the writer's side.
 */
public final class StepClock {
    /** What the step is at. */
    public enum Phase {
        /** There is no input, or another step of the loop has its turn. */
        IDLE,
        BUSY,
        /** What it has done fills its output, and nobody takes it. */
        BACK_PRESSURED
    }

    /**
     * Totals up to a moment; what is neither is idle.
     *
     * @param atNanos the moment
     */
    public record Times(long busyNanos, long backPressuredNanos, long atNanos) {}

    /** Odd while the fields below are being written. */
    private volatile long version;

    private Phase phase = Phase.IDLE;
    private long sinceNanos;
    private long busyNanos;
    private long backPressuredNanos;

    /** The phase under way is over, and another begins. */
    @SuppressWarnings("NonAtomicVolatileUpdate") // one writer
    public void enter(Phase next, long nowNanos) {
        if (next == phase) {
            return;
        }
        version++;
        VarHandle.storeStoreFence();
        long taken = Math.max(0, nowNanos - sinceNanos);
        if (phase == Phase.BUSY) {
            busyNanos += taken;
        } else if (phase == Phase.BACK_PRESSURED) {
            backPressuredNanos += taken;
        }
        phase = next;
        sinceNanos = nowNanos;
        version++;
    }

    /** The totals up to now, with the phase under way. */
    public Times times(long nowNanos) {
        while (true) {
            long before = version;
            long busy = busyNanos;
            long backPressured = backPressuredNanos;
            Phase current = phase;
            long underWay = Math.max(0, nowNanos - sinceNanos);
            VarHandle.loadLoadFence();
            if (before == version && (before & 1) == 0) {
                return new Times(
                        current == Phase.BUSY ? busy + underWay : busy,
                        current == Phase.BACK_PRESSURED ? backPressured + underWay : backPressured,
                        nowNanos);
            }
            Thread.onSpinWait();
        }
    }
}
