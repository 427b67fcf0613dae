package dev.millrace.spark.execution;

import dev.millrace.engine.epoch.CompletedEpoch;
import dev.millrace.engine.epoch.EpochCoordinator;
import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.engine.graph.Dataflow;
import dev.millrace.engine.operator.EpochTime;
import dev.millrace.spark.plan.NoDataRule;
import java.io.IOException;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.apache.spark.sql.connector.read.streaming.Offset;
import org.apache.spark.sql.connector.read.streaming.SparkDataStream;
import org.apache.spark.util.Clock;
import org.jspecify.annotations.Nullable;

/**
 * Runs bounded epochs, one after the other, on a dataflow that stands: plans an epoch, hands its rows in, waits
 * until they are through, commits it.
 *
 * <p>Thread: the query's. Source: Spark's MicroBatchExecution and its trigger executors.
 */
final class BoundedEpochs {
    /** How long to wait for an epoch before looking whether the query is stopped. */
    private static final long LOOK_NANOS = TimeUnit.SECONDS.toNanos(1);

    /**
     * How long after an epoch the next one without data comes that processing time alone asks for. Spark runs
     * them one behind the other, which keeps its time-outs only as exact as its batches are long.
     */
    private static final long CLOCK_EPOCH_NANOS = TimeUnit.MILLISECONDS.toNanos(100);

    private final MillraceExecution query;
    private final Pace pace;
    private final Parts parts;
    private final QueryWorkers workers;
    private final Clock clock;

    private long lastEpochNanos;

    /**
     * What all attempts share.
     *
     * @param noDataEpochs whether epochs without rows may run
     */
    record Parts(
            EpochPlanner planner,
            EpochTime time,
            GlobalWatermark watermark,
            NoDataRule noDataRule,
            boolean noDataEpochs,
            QueryProgress progress) {}

    BoundedEpochs(MillraceExecution query, Pace pace, Parts parts, QueryWorkers workers) {
        this.query = query;
        this.pace = pace;
        this.parts = parts;
        this.workers = workers;
        this.clock = query.triggerClock();
    }

    /**
     * Runs epochs until the trigger wants no more of them, the query is stopped, or the dataflow must be built anew: then
     * an epoch is planned that has not run. Whoever stops it interrupts this
     * thread too, but the code that it is in then may take the interrupt for its own, as Hadoop's files do.
     *
     * @param planned the first epoch where it is planned already, or null
     *
     * <p>Errors: what the dataflow, logs, sources or sink throw; InterruptedException when the query is stopped.
     */
    EpochLoop.Outcome run(Dataflow dataflow, EpochCommitter committer, StaticTables tables, @Nullable EpochPlan planned)
            throws InterruptedException {
        parts.planner().prepare();
        EpochPlan next = planned;
        while (!query.isEnding()) {
            if (next == null && workers.areOutdated()) {
                return EpochLoop.Outcome.RECONFIGURED;
            }
            long triggerMillis = clock.getTimeMillis();
            boolean isNew = next == null;
            parts.progress().beginTrigger();
            EpochPlan plan = isNew ? query.planning(() -> next(committer.lastCommitted() + 1)) : next;
            if (isNew && plan != null && tables.areOutdated()) {
                return EpochLoop.Outcome.RECONFIGURED;
            }
            next = null;
            boolean ran = trigger(dataflow, committer, plan);
            if (pace.kind() == Pace.Kind.ONCE || (pace.kind() == Pace.Kind.AVAILABLE_NOW && !ran)) {
                return EpochLoop.Outcome.STOPPED;
            }
            if (!ran) {
                TimeUnit.MILLISECONDS.sleep(query.pollingDelayMillis());
            }
            if (pace.intervalMillis() > 0) {
                long interval = pace.intervalMillis();
                long unused = clock.waitTillTime(triggerMillis / interval * interval + interval);
            }
        }
        return EpochLoop.Outcome.STOPPED;
    }

    /** Runs the epoch that is due, if one is; false when none is. */
    private boolean trigger(Dataflow dataflow, EpochCommitter committer, @Nullable EpochPlan plan)
            throws InterruptedException {
        if (plan == null) {
            parts.progress().idle(parts.planner().committed(), parts.watermark().millis());
            query.idle();
            return false;
        }
        runEpoch(dataflow, committer, plan);
        parts.watermark().ranWith(plan.watermarkMillis());
        lastEpochNanos = System.nanoTime();
        return true;
    }

    /** The next epoch's plan, or null when none is due. */
    private @Nullable EpochPlan next(long epoch) {
        Map<SparkDataStream, Offset> ends = parts.progress().timing("latestOffset", parts.planner()::admitted);
        if (!parts.planner().hasData(ends) && !isDueWithoutData()) {
            return null;
        }
        long timestampMillis = clock.getTimeMillis();
        return parts.progress().timing("walCommit", () -> {
            try {
                return parts.planner().plan(epoch, ends, parts.watermark().millis(), timestampMillis);
            } catch (IOException e) {
                throw new MillraceException(
                        ErrorCode.STATE_STORAGE,
                        "Cannot plan epoch=%d: error=%s. Check that the checkpoint location can be written."
                                .formatted(epoch, e),
                        e);
            }
        });
    }

    private boolean isDueWithoutData() {
        Long last = parts.watermark().ofLastEpochMillis();
        if (!parts.noDataEpochs() || last == null) {
            return false;
        }
        NoDataRule rule = parts.noDataRule();
        return rule.wantsEpoch(last, parts.watermark().millis()) || (rule.wantsAlways() && isClockEpochDue());
    }

    /** What is available is through when no row is left: nobody waits for times to come. */
    private boolean isClockEpochDue() {
        return pace.kind() == Pace.Kind.INTERVAL
                && (pace.intervalMillis() > 0 || System.nanoTime() - lastEpochNanos >= CLOCK_EPOCH_NANOS);
    }

    private void runEpoch(Dataflow dataflow, EpochCommitter committer, EpochPlan plan) throws InterruptedException {
        EpochCoordinator coordinator = dataflow.epochs();
        query.planned(plan.epoch(), plan.end(), plan.metadata());
        query.processing(plan.hasData());
        long watermarkMicros = TimeUnit.MILLISECONDS.toMicros(plan.watermarkMillis());
        parts.time().begin(plan.timestampMillis(), watermarkMicros);
        dataflow.beginEpoch(plan.epoch(), plan.timestampMillis(), watermarkMicros);
        parts.progress().timed("getBatch", () -> parts.planner().handIn(plan));
        long startNanos = System.nanoTime();
        long requested = coordinator.requestBarrier();
        if (requested != plan.epoch()) {
            throw new MillraceException(
                    ErrorCode.INVARIANT,
                    "Cannot run epoch=%d: the dataflow is at epoch=%d. Please report this."
                            .formatted(plan.epoch(), requested));
        }
        CompletedEpoch completed = coordinator.await(LOOK_NANOS);
        while (completed == null) {
            if (query.isEnding()) {
                return;
            }
            completed = coordinator.await(LOOK_NANOS);
        }
        parts.progress().took("addBatch", System.nanoTime() - startNanos);
        parts.watermark().observed(parts.time().takeObserved());
        committer.commit(completed, plan, parts.watermark().millis());
    }
}
