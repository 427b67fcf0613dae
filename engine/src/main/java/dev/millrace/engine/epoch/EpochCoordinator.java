package dev.millrace.engine.epoch;

import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.engine.snapshot.OperatorId;
import dev.millrace.engine.snapshot.StoredSnapshot;
import dev.millrace.engine.task.BarrierTarget;
import dev.millrace.engine.task.TaskReports;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Ends epochs: asks the reading tasks for barriers, gathers what every task reports for them, and
 * gives completed epochs in order. Epoch <em>n + 1</em> flows while <em>n</em> is being gathered and
 * committed; at most {@link #MAX_IN_FLIGHT} are under way, and the state of one is stored before the next is
 * frozen. Then the next barrier waits, rows never do.
 *
 * <p>Thread: the query's, but for the reports and {@link #wakeUp}, which only queue.
 */
public final class EpochCoordinator implements TaskReports {
    /** Epochs whose barrier was asked for and that are not taken from {@link #await} yet. */
    public static final int MAX_IN_FLIGHT = 2;

    private sealed interface Report {
        record Positions(
                int stageId,
                int taskIndex,
                long epoch,
                List<Integer> partitionIndexes,
                List<Object> positions,
                long rowsRead,
                long nanos)
                implements Report {}

        record Taken(long epoch, long nanos) implements Report {}

        record Prepared(int stageId, int taskIndex, long epoch, @Nullable Object message, long rowsWritten, long nanos)
                implements Report {}

        record Stored(long epoch, StoredSnapshot snapshot, long nanos) implements Report {}

        record Observed(OperatorId operator, long epoch, byte[] observation) implements Report {}

        record Failed(String where, Throwable cause, long nanos) implements Report {}

        record WakeUp() implements Report {}
    }

    private BarrierTargets targets = BarrierTargets.NONE;
    private final EpochShape shape;
    private final LinkedBlockingQueue<Report> reports = new LinkedBlockingQueue<>();
    private final Deque<EpochGathering> inFlight = new ArrayDeque<>();
    private long nextEpoch;
    private long lastEpoch = Long.MAX_VALUE;
    private @Nullable DataflowFailedException failure;

    /**
     * @param shape what an epoch needs to be complete
     * @param firstEpoch the number of the first epoch
     */
    public EpochCoordinator(EpochShape shape, long firstEpoch) {
        this.shape = shape;
        this.nextEpoch = firstEpoch;
    }

    /** All reading tasks; known before the first barrier is asked for. */
    public void barrierTargets(BarrierTargets reading) {
        targets = reading;
    }

    /**
     * Asks all reading tasks for the barrier that ends the epoch under way, and returns its number;
     * -1, and nothing asked, while as many epochs as allowed are in flight, or the state of the last one is not
     * stored yet.
     */
    public long requestBarrier() {
        long epoch = beginGathering();
        if (epoch >= 0) {
            begin(epoch);
        }
        return epoch;
    }

    /**
     * As {@link #requestBarrier}, and no row is read behind that barrier: the dataflow is to end with
     * this epoch.
     */
    public long requestLastBarrier() {
        long epoch = beginGathering();
        if (epoch >= 0) {
            lastEpoch = epoch;
            begin(epoch);
        }
        return epoch;
    }

    private void begin(long epoch) {
        ask(targets.portioned(), epoch);
        if (targets.portionedTasks() == 0) {
            ask(targets.others(), epoch);
        }
    }

    private void ask(List<BarrierTarget> asked, long epoch) {
        for (BarrierTarget target : asked) {
            if (epoch == lastEpoch) {
                target.requestLastBarrier(epoch);
            } else {
                target.requestBarrier(epoch);
            }
        }
    }

    private long beginGathering() {
        EpochGathering last = inFlight.peekLast();
        if (inFlight.size() >= MAX_IN_FLIGHT || (last != null && !last.isStored())) {
            return -1;
        }
        long epoch = nextEpoch++;
        inFlight.addLast(new EpochGathering(epoch, shape));
        return epoch;
    }

    /** Epochs whose barrier was asked for and that {@link #await} has not given yet. */
    public int inFlight() {
        return inFlight.size();
    }

    /**
     * Waits for the next completed epoch, in order; null when the time is up or {@link #wakeUp} came.
     *
     * <p>Errors: {@link DataflowFailedException} once anything has failed.
     */
    public @Nullable CompletedEpoch await(long timeoutNanos) throws InterruptedException {
        long deadline = System.nanoTime() + timeoutNanos;
        while (true) {
            DataflowFailedException failed = failure;
            if (failed != null) {
                throw failed;
            }
            EpochGathering oldest = inFlight.peekFirst();
            if (oldest != null && oldest.isComplete()) {
                inFlight.removeFirst();
                return oldest.complete();
            }
            Report report = reports.poll(deadline - System.nanoTime(), TimeUnit.NANOSECONDS);
            if (report == null || report instanceof Report.WakeUp) {
                return null;
            }
            take(report);
        }
    }

    private void take(Report report) {
        if (report instanceof Report.Positions positions) {
            take(positions);
        } else if (report instanceof Report.Taken taken) {
            gathering(taken.epoch()).taken(taken.nanos());
        } else if (report instanceof Report.Prepared prepared) {
            gathering(prepared.epoch())
                    .prepared(
                            prepared.stageId(),
                            prepared.taskIndex(),
                            prepared.message(),
                            prepared.rowsWritten(),
                            prepared.nanos());
        } else if (report instanceof Report.Stored stored) {
            gathering(stored.epoch()).stored(stored.snapshot(), stored.nanos());
        } else if (report instanceof Report.Observed observed) {
            gathering(observed.epoch()).observed(observed.operator(), observed.observation());
        } else if (report instanceof Report.Failed failed) {
            failure = new DataflowFailedException(failed.where(), failed.cause(), failed.nanos());
        }
    }

    private void take(Report.Positions report) {
        EpochGathering gathering = gathering(report.epoch());
        gathering.positions(
                report.stageId(), report.partitionIndexes(), report.positions(), report.rowsRead(), report.nanos());
        if (targets.portionedStages().contains(report.stageId())
                && gathering.portionedTaskEnded() == targets.portionedTasks()) {
            ask(targets.others(), report.epoch());
        }
    }

    private EpochGathering gathering(long epoch) {
        for (EpochGathering gathering : inFlight) {
            if (gathering.epoch() == epoch) {
                return gathering;
            }
        }
        throw new MillraceException(
                ErrorCode.INVARIANT,
                "Cannot take a report: epoch=%d is not in flight, next epoch=%d. Please report this."
                        .formatted(epoch, nextEpoch));
    }

    /** Makes a waiting or the next {@link #await} return at once. Thread: any. */
    public void wakeUp() {
        reports.add(new Report.WakeUp());
    }

    @Override
    public void sourcePositions(
            int stageId,
            int taskIndex,
            long epoch,
            List<Integer> partitionIndexes,
            List<Object> positions,
            long rowsRead) {
        reports.add(new Report.Positions(
                stageId, taskIndex, epoch, partitionIndexes, positions, rowsRead, System.nanoTime()));
    }

    /** What is no epoch's is the source's to gather. */
    @Override
    public void portionEnded(int stageId, long portion, long maxMicros) {}

    @Override
    public void barrierTaken(int stageId, int taskIndex, long epoch) {
        reports.add(new Report.Taken(epoch, System.nanoTime()));
    }

    @Override
    public void sinkPrepared(int stageId, int taskIndex, long epoch, @Nullable Object message, long rowsWritten) {
        reports.add(new Report.Prepared(stageId, taskIndex, epoch, message, rowsWritten, System.nanoTime()));
    }

    @Override
    public void snapshotStored(long epoch, StoredSnapshot snapshot) {
        reports.add(new Report.Stored(epoch, snapshot, System.nanoTime()));
    }

    @Override
    public void observed(OperatorId operator, long epoch, byte[] observation) {
        reports.add(new Report.Observed(operator, epoch, observation));
    }

    @Override
    public void failed(String where, Throwable cause) {
        reports.add(new Report.Failed(where, cause, System.nanoTime()));
    }
}
