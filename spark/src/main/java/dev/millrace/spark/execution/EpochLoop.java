package dev.millrace.spark.execution;

import dev.millrace.engine.epoch.CompletedEpoch;
import dev.millrace.engine.epoch.EpochCoordinator;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Ends epochs and commits them until the query is stopped: at each trigger interval, and early while
 * somebody waits for the query to be drained.
 *
 * <p>Thread: the query's, except for {@link #requestStop} and {@link #wakeUp}.
 */
final class EpochLoop {
    /** How long the last epoch may take when the query is asked to stop. */
    static final long LAST_EPOCH_NANOS = TimeUnit.MILLISECONDS.toNanos(1_500);

    /** How long the last epoch may take before the dataflow is built anew. */
    private static final long RECONFIGURATION_NANOS = TimeUnit.SECONDS.toNanos(10);

    /** How long to wait for an epoch to complete before another is asked for, when all are in flight. */
    private static final long IN_FLIGHT_NANOS = TimeUnit.MILLISECONDS.toNanos(100);

    private static final Logger LOG = LoggerFactory.getLogger(EpochLoop.class);

    /** Why the loop ended. */
    enum Outcome {
        STOPPED,
        /** The sources' partitions changed, a static table, or where the query runs: the dataflow must be built anew. */
        RECONFIGURED
    }

    private final EpochTimer timer;
    private final Drains drains;
    private final QuerySources sources;
    private final QueryWorkers workers;
    private volatile @Nullable EpochCoordinator epochs;
    private volatile boolean stopRequested;
    private volatile long stopDeadlineNanos;

    EpochLoop(EpochTimer timer, Drains drains, QuerySources sources, QueryWorkers workers) {
        this.timer = timer;
        this.drains = drains;
        this.sources = sources;
        this.workers = workers;
    }

    /** Asks for a last epoch; the loop ends when it is committed, or after a moment. Thread: any. */
    void requestStop() {
        stopDeadlineNanos = System.nanoTime() + LAST_EPOCH_NANOS;
        stopRequested = true;
        wakeUp();
    }

    /** Makes the loop look around. Thread: any. */
    void wakeUp() {
        EpochCoordinator current = epochs;
        if (current != null) {
            current.wakeUp();
        }
    }

    /** Runs the epochs of one dataflow. Errors: what the dataflow, logs, sources or sink throw. */
    Outcome run(EpochCoordinator coordinator, EpochCommitter committer, StaticTables tables)
            throws InterruptedException {
        epochs = coordinator;
        while (!stopRequested) {
            if (workers.areOutdated()) {
                finish(coordinator, committer, System.nanoTime() + RECONFIGURATION_NANOS);
                return stopRequested ? Outcome.STOPPED : Outcome.RECONFIGURED;
            }
            drains.begin(sources);
            boolean due = timer.isDue();
            boolean refused = false;
            if (due || (drains.remainingNanos() == 0 && coordinator.inFlight() == 0)) {
                long epoch = coordinator.requestBarrier();
                refused = epoch < 0;
                if (!refused) {
                    drains.asked(epoch);
                    if (due) {
                        timer.next();
                    }
                }
            }
            committer.reportUnderWay(coordinator.inFlight());
            CompletedEpoch completed = coordinator.await(patience(refused, coordinator.inFlight(), committer));
            if (completed != null) {
                drains.committed(completed.epoch(), committer.commit(completed, false));
                if (committer.needsReconfiguration() || tables.areOutdated()) {
                    finish(coordinator, committer, System.nanoTime() + RECONFIGURATION_NANOS);
                    return stopRequested ? Outcome.STOPPED : Outcome.RECONFIGURED;
                }
            }
        }
        finish(coordinator, committer, stopDeadlineNanos);
        return Outcome.STOPPED;
    }

    private long patience(boolean refused, int inFlight, EpochCommitter committer) {
        if (refused) {
            return IN_FLIGHT_NANOS;
        }
        long early = inFlight > 0 ? Long.MAX_VALUE : drains.remainingNanos();
        long next = Math.min(timer.remainingNanos(), workers.untilLookNanos());
        return Math.min(Math.min(next, early), committer.untilReportNanos(inFlight));
    }

    /** Ends the epoch under way and commits up to it, if that can be done in time. */
    private void finish(EpochCoordinator coordinator, EpochCommitter committer, long deadlineNanos)
            throws InterruptedException {
        long last = -1;
        while (deadlineNanos - System.nanoTime() > 0) {
            if (last < 0) {
                last = coordinator.requestLastBarrier();
                drains.asked(last);
            }
            CompletedEpoch completed = coordinator.await(Math.max(1, deadlineNanos - System.nanoTime()));
            if (completed != null) {
                drains.committed(completed.epoch(), committer.commit(completed, true));
                if (completed.epoch() == last) {
                    return;
                }
            }
        }
        LOG.warn(
                "The last epoch did not complete in time; epoch {} was the last to be committed, and rows behind it are "
                        + "read again at the next start.",
                committer.lastCommitted());
    }
}
