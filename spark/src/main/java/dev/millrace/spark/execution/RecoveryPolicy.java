package dev.millrace.spark.execution;

import dev.millrace.engine.error.ErrorKind;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * Says whether a query goes on after a failure, and after which wait.
 *
 * <ul>
 *   <li>What the outside broke (RETRYABLE) may pass: as many attempts as allowed within the window, with
 *       waits that double until an epoch is committed again. But a query that has never run since it was
 *       started ends at once, unless only a worker of it was lost: a mistyped topic is to show, not to be tried for
 *       minutes.
 *   <li>What the query's own code, its data or a limit broke (USER, RESOURCE) breaks again if it depends
 *       on the rows alone: one replay, and the same error at the same place ends the query.
 *   <li>All else cannot pass.
 * </ul>
 *
 * <p>Thread: the query's.
 */
final class RecoveryPolicy {
    /** A dataflow that lasted so long has run, whether or not an epoch ended in that time. */
    static final long HAS_RUN_NANOS = TimeUnit.SECONDS.toNanos(10);

    private static final long LONGEST_WAIT_NANOS = TimeUnit.SECONDS.toNanos(10);

    private final int attempts;
    private final long windowNanos;
    private final long backoffNanos;
    private final LongSupplier nanoClock;
    private final Deque<Remembered> failures = new ArrayDeque<>();
    private int failuresSinceCommit;
    private long startNanos;
    private boolean isRunning;
    private boolean hasRun;

    /**
     * A failure as the policy sees it.
     *
     * @param isOfWorker whether a worker was lost or cut off, which says nothing of the query
     * @param where the place, or the part of the query's own thread
     * @param error what was thrown, by class and message
     */
    record Failure(ErrorKind kind, boolean isOfWorker, String where, String error) {
        Failure(ErrorKind kind, String where, String error) {
            this(kind, false, where, error);
        }
    }

    private record Remembered(Failure failure, long nanos) {}

    /**
     * What to do.
     *
     * @param goesOn whether to try again
     * @param attempt which attempt of those in the window that would be
     * @param waitNanos how long to wait before
     * @param reason why not, where not
     */
    record Verdict(boolean goesOn, int attempt, long waitNanos, String reason) {}

    /**
     * @param attempts how many recoveries are allowed within the window
     * @param backoffMillis the wait before the second of several attempts in a row
     */
    RecoveryPolicy(int attempts, long windowMillis, long backoffMillis, LongSupplier nanoClock) {
        this.attempts = attempts;
        this.windowNanos = TimeUnit.MILLISECONDS.toNanos(windowMillis);
        this.backoffNanos = TimeUnit.MILLISECONDS.toNanos(backoffMillis);
        this.nanoClock = nanoClock;
    }

    /** A dataflow starts. */
    void started() {
        startNanos = nanoClock.getAsLong();
        isRunning = true;
    }

    /** It has committed an epoch. */
    void committed() {
        hasRun = true;
        failuresSinceCommit = 0;
    }

    /** It, or the way to the next one, failed. */
    Verdict failed(Failure failure) {
        long now = nanoClock.getAsLong();
        hasRun |= isRunning && now - startNanos >= HAS_RUN_NANOS;
        isRunning = false;
        failures.removeIf(old -> now - old.nanos() >= windowNanos);
        String reason = reasonToEnd(failure);
        boolean again = failures.stream().anyMatch(old -> old.failure().equals(failure));
        failures.addLast(new Remembered(failure, now));
        int attempt = failures.size();
        if (reason.isEmpty() && again && isOwn(failure.kind())) {
            reason = "the same error came again when its rows were replayed";
        }
        if (reason.isEmpty() && attempt > attempts) {
            reason = "it failed %d times within %d s".formatted(attempt, TimeUnit.NANOSECONDS.toSeconds(windowNanos));
        }
        int row = failuresSinceCommit++;
        return new Verdict(reason.isEmpty(), attempt, waitNanos(row), reason);
    }

    private static boolean isOwn(ErrorKind kind) {
        return kind == ErrorKind.USER || kind == ErrorKind.RESOURCE;
    }

    private String reasonToEnd(Failure failure) {
        return switch (failure.kind()) {
            case USER, RESOURCE -> "";
            case RETRYABLE -> hasRun || failure.isOfWorker() ? "" : "it has not run since it was started";
            case UNSUPPORTED, CORRUPT, BUG -> "an error of this kind does not pass";
        };
    }

    /** The first attempt comes at once. */
    private long waitNanos(int failuresBefore) {
        if (failuresBefore == 0) {
            return 0;
        }
        int doublings = Math.min(failuresBefore - 1, 30);
        long doubled = backoffNanos > LONGEST_WAIT_NANOS >> doublings ? LONGEST_WAIT_NANOS : backoffNanos << doublings;
        return Math.min(Math.max(doubled, 0), LONGEST_WAIT_NANOS);
    }
}
