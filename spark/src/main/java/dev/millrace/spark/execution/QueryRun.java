package dev.millrace.spark.execution;

import dev.millrace.engine.epoch.CommitProtocol;
import dev.millrace.engine.epoch.CommitProtocol.Found;
import dev.millrace.engine.epoch.CommitProtocol.Ground;
import dev.millrace.engine.epoch.CommitProtocol.Planned;
import dev.millrace.engine.epoch.DataflowFailedException;
import dev.millrace.engine.epoch.EpochCoordinator;
import dev.millrace.engine.epoch.ManifestLog;
import dev.millrace.engine.graph.Dataflow;
import dev.millrace.engine.graph.DataflowPlan;
import dev.millrace.engine.graph.LocalDataflow;
import dev.millrace.engine.graph.Placement;
import dev.millrace.engine.graph.StreamGraph;
import dev.millrace.engine.operator.Emission;
import dev.millrace.engine.operator.EpochTime;
import dev.millrace.engine.snapshot.StateIndex;
import dev.millrace.engine.stream.WatermarkPolicy;
import dev.millrace.spark.checkpoint.StateFiles;
import dev.millrace.spark.cluster.Crew;
import dev.millrace.spark.cluster.Deployment;
import dev.millrace.spark.cluster.Obstacles;
import dev.millrace.spark.cluster.TaskSurroundings;
import dev.millrace.spark.metrics.RunningText;
import dev.millrace.spark.migration.SparkState;
import dev.millrace.spark.plan.PlanRequest;
import dev.millrace.spark.plan.PlanRequest.LateRowTarget;
import dev.millrace.spark.plan.PlanSettings;
import dev.millrace.spark.plan.PlannedQuery;
import dev.millrace.spark.plan.QueryPlanner;
import dev.millrace.spark.settings.MillraceSettings;
import dev.millrace.spark.sink.QuerySinks;
import dev.millrace.spark.sink.SparkSink;
import dev.millrace.spark.source.SparkSource;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.connector.read.streaming.SparkDataStream;
import org.apache.spark.sql.execution.streaming.Sink;
import org.apache.spark.sql.execution.streaming.runtime.StreamExecution;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import scala.runtime.BoxedUnit;

/**
 * One life of a query, from its checkpoint to its end: plans it, then runs one attempt after the other.
 * An attempt begins with what the checkpoint says, whether the process has just started, a dataflow has
 * failed, or the sources' partitions have changed.
 *
 * <p>Thread: the query's, except for what says any.
 */
final class QueryRun {
    private static final Logger LOG = LoggerFactory.getLogger(QueryRun.class);

    private final MillraceExecution query;
    private final SparkSession session;
    private final QuerySources sources;
    private final MillraceSettings settings;
    private final Pace pace;

    /** The time and watermark of bounded epochs; null where epochs are continuous. */
    private final @Nullable EpochTime epochTime;

    private final EpochTimer timer;
    private final QueryWorkers workers;
    private final Purging purging;
    private final EpochLoop loop;
    private final RecoveryPolicy policy;
    private volatile @Nullable StaticTables tables;
    private volatile @Nullable Dataflow dataflow;
    private volatile @Nullable Polls polls;
    private long epochUnderWay;

    /** Whether no epoch of the query was ever committed: it then begins with the state that its user gives it. */
    private boolean isFirstStart;

    /** The epoch to go back to, until one is committed behind it; or -1. */
    private long restoreEpoch;

    QueryRun(
            MillraceExecution query,
            SparkSession session,
            QuerySources sources,
            MillraceSettings settings,
            Pace pace,
            Drains drains) {
        this.query = query;
        this.session = session;
        this.sources = sources;
        this.settings = settings;
        this.pace = pace;
        this.epochTime = pace.isBounded() ? new EpochTime() : null;
        this.timer = new EpochTimer(query.triggerClock(), pace.intervalMillis(), query.label(), this::wakeUp);
        this.workers = new QueryWorkers(query, session.sparkContext(), settings.cluster());
        this.purging = new Purging(query.label());
        this.loop = new EpochLoop(timer, drains, sources, workers);
        this.restoreEpoch = settings.restoreEpoch();
        this.policy = new RecoveryPolicy(
                settings.recoveryAttempts(),
                settings.recoveryWindowMillis(),
                settings.recoveryBackoffMillis(),
                System::nanoTime);
    }

    /** What all attempts share. */
    private record Prepared(
            StaticTables tables,
            EpochCommitter.Surroundings surroundings,
            QueryState state,
            ClassLoader loader,
            TaskSurroundings ofTasks,
            int keyGroupCount,
            BoundedEpochs.@Nullable Parts bounded) {
        StreamGraph graph() {
            return tables.plan().graph();
        }
    }

    /** Runs until the query is stopped. Errors: whatever ends it. */
    void run() throws Exception {
        session.conf().set("spark.sql.adaptive.enabled", "false");
        Prepared prepared = prepare();
        if (!pace.isBounded()) {
            timer.start();
        }
        try {
            while (true) {
                try {
                    if (attempt(prepared) == EpochLoop.Outcome.STOPPED) {
                        return;
                    }
                    LOG.info(
                            "The partitions of a source changed, the workers or a static table; query {} goes on with what "
                                    + "is there now.",
                            query.label());
                } catch (Exception e) {
                    recoverFrom(e, prepared);
                }
            }
        } finally {
            timer.close();
            workers.close();
            prepared.state().close();
            purging.close();
        }
    }

    /** Reads the checkpoint as far as planning needs it, and plans. Writes nothing. */
    private Prepared prepare() throws IOException {
        SparkOffsetLog offsetLog = new SparkOffsetLog(query.offsetLog());
        SparkCommitLog commitLog = new SparkCommitLog(query.commitLog());
        ClassLoader loader = query.userClassLoader(session);
        SparkSink sink = query.sinks().openSink(session, loader);
        LateRowTarget late = query.sinks().openLateSink(session, loader);
        QuerySinks sinks = new QuerySinks(sink, late == null ? null : (SparkSink) late.sink());
        StateFiles files = Checkpoint.stateFiles(session, query.resolvedCheckpointRoot());
        ManifestLog manifests = new ManifestLog(files);
        String runId = query.runId().toString();
        CommitProtocol protocol = new CommitProtocol(manifests, offsetLog, commitLog, sinks, runId);
        Checkpoint checkpoint = new Checkpoint(session, offsetLog, commitLog, protocol, sources, runId);

        Found found = protocol.look(restoreEpoch >= 0);
        checkpoint.tellLatestSeen(found);
        Checkpoint.Start start = checkpoint.position(found, restoreEpoch); // binds the settings that planning needs
        int keyGroupCount = query.keyGroupCount(session);
        QueryProgress progress =
                new QueryProgress(query, sources.sources(), keyGroupCount, settings.progressIntervalMillis());
        long planningStart = System.nanoTime();
        isFirstStart = start.restoredEpoch() < 0;
        PlannedQuery plan = plan(sink, late, keyGroupCount);
        StaticTables tables = new StaticTables(
                query.label(),
                plan,
                settings.staticRefreshMillis(),
                () -> planAgain(sink, late, keyGroupCount),
                this::isAskedFor);
        this.tables = tables;
        Obstacles.of(query.sink(), query.triggerClock()).ifPresent(workers::cannotSpread);
        query.observation().planned(plan.graph(), plan.explain(true));
        progress.took("queryPlanning", System.nanoTime() - planningStart);
        Checkpoint.refuseState(session, query.resolvedCheckpointRoot(), plan.isStateful(), settings.importsState());
        return new Prepared(
                tables,
                new EpochCommitter.Surroundings(
                        query,
                        checkpoint,
                        protocol,
                        purging,
                        sources,
                        sinks,
                        plan.streamOfStage(),
                        new Observations(plan.graph()),
                        stage -> plan.graph().stages().get(stage).isLate(),
                        progress),
                new QueryState(
                        files,
                        manifests,
                        runId,
                        keyGroupCount,
                        plan.isStateful(),
                        plan.graph(),
                        settings.importsState()
                                ? new SparkState(session, query.resolvedCheckpointRoot(), plan.graph())
                                : null),
                loader,
                TaskSurroundings.of(session),
                keyGroupCount,
                epochTime == null ? null : bounded(plan, checkpoint, protocol, progress, epochTime));
    }

    private BoundedEpochs.Parts bounded(
            PlannedQuery plan, Checkpoint checkpoint, CommitProtocol protocol, QueryProgress progress, EpochTime time) {
        boolean takesGreatest = plan.graph().watermarkPolicy() == WatermarkPolicy.GREATEST;
        return new BoundedEpochs.Parts(
                new EpochPlanner(sources, checkpoint, protocol, pace.kind()),
                time,
                new GlobalWatermark(plan.watermarkDelaysMillis(), takesGreatest),
                plan.noDataRule(),
                session.sessionState().conf().streamingNoDataMicroBatchesEnabled(),
                progress);
    }

    /** Finds out where the checkpoint stands, brings to its end what was cut short, and runs a dataflow from there. */
    private EpochLoop.Outcome attempt(Prepared prepared) throws IOException, InterruptedException {
        Checkpoint checkpoint = prepared.surroundings().checkpoint();
        CommitProtocol protocol = prepared.surroundings().protocol();
        Planned planned = pace.isBounded() ? Planned.RUN : Planned.WRITE_OFF;
        boolean commitsAgain = false;
        while (true) {
            Found found = protocol.look(restoreEpoch >= 0);
            Checkpoint.Start start = checkpoint.position(found, restoreEpoch);
            StateIndex from = prepared.state().behind(start, found);
            boolean runsPlanned = planned == Planned.RUN && found.isNextPlanned();
            if (found.hasForeign() && !runsPlanned) {
                LOG.warn(
                        "Epochs {} to {} were planned by another engine and not committed; their rows are read again in "
                                + "later epochs.",
                        found.committed() + 1,
                        found.planned());
            }
            if (protocol.settle(
                    found, planned, () -> new Ground(unchanged(checkpoint, start), from, start.watermarkMillis()))) {
                if (commitsAgain) {
                    ranAgain(prepared, start);
                }
                return runDataflow(prepared, start, from, runsPlanned);
            }
            commitsAgain |= found.decided().isPresent();
        }
    }

    /**
     * Where Spark runs a batch again whose commit was cut short, the one without data that this makes due follows, but
     * for a trigger that runs one alone.
     */
    private void ranAgain(Prepared prepared, Checkpoint.Start start) {
        BoundedEpochs.Parts bounded = prepared.bounded();
        if (bounded != null && pace.kind() != Pace.Kind.ONCE) {
            bounded.watermark().ranWith(start.epochWatermarkMillis());
        }
    }

    private byte[] unchanged(Checkpoint checkpoint, Checkpoint.Start start) {
        return checkpoint.entryBytes(
                Checkpoint.progressOf(checkpoint.committedOffsets()),
                checkpoint.metadata(
                        start.watermarkMillis(), query.triggerClock().getTimeMillis()));
    }

    /** Waits before the next attempt, or throws what ends the query. */
    private void recoverFrom(Exception failure, Prepared prepared) throws Exception {
        long failedNanos = QueryFailure.heardNanos(failure);
        if (isAskedFor(failure)) {
            throw ending(failure);
        }
        RecoveryPolicy.Failure classified = QueryFailure.classify(failure);
        RecoveryPolicy.Verdict verdict = policy.failed(classified);
        query.figures().failed(QueryFailure.figures(failure, classified, epochUnderWay, verdict));
        if (!verdict.goesOn()) {
            LOG.warn("Query {} ends, because {}.", query.label(), verdict.reason());
            throw ending(failure);
        }
        Throwable cause = failure instanceof DataflowFailedException inDataflow ? inDataflow.getCause() : failure;
        LOG.warn(
                "Query {} failed in epoch {} and goes on from its checkpoint: attempt={} of {} within {} s, wait={} ms.",
                query.label(),
                epochUnderWay,
                verdict.attempt(),
                settings.recoveryAttempts(),
                TimeUnit.MILLISECONDS.toSeconds(settings.recoveryWindowMillis()),
                TimeUnit.NANOSECONDS.toMillis(verdict.waitNanos()),
                cause);
        query.recovering(verdict.attempt(), QueryFailure.told(cause));
        query.figures().recovering();
        TimeUnit.NANOSECONDS.sleep(verdict.waitNanos());
        long took = System.nanoTime() - failedNanos;
        prepared.surroundings().progress().recovered(took);
        query.figures().recovered(TimeUnit.NANOSECONDS.toMillis(took));
    }

    /** Whether a failure is how the query's thread hears that it is to end. */
    private boolean isAskedFor(Exception failure) {
        return query.isEnding() || StreamExecution.isInterruptionException(failure, session.sparkContext());
    }

    private Exception ending(Exception failure) {
        return failure instanceof DataflowFailedException inDataflow
                ? QueryFailure.of(inDataflow, epochUnderWay)
                : failure;
    }

    /** The plan as of now; files that came into a static table's folder are seen. */
    private PlannedQuery planAgain(SparkSink sink, @Nullable LateRowTarget late, int keyGroupCount) {
        sources.plan().foreachWithSubqueries(node -> {
            if (node.children().isEmpty()) {
                ((LogicalPlan) node).refresh();
            }
            return BoxedUnit.UNIT;
        });
        return plan(sink, late, keyGroupCount);
    }

    private PlannedQuery plan(SparkSink sink, @Nullable LateRowTarget late, int keyGroupCount) {
        List<SparkDataStream> streams =
                sources.sources().stream().map(SparkSource::stream).toList();
        PlanSettings shape = new PlanSettings(
                emission(), TimeUnit.MILLISECONDS.toNanos(settings.watermarkIdleMillis()), epochTime != null);
        return QueryPlanner.plan(new PlanRequest(
                session,
                sources.plan(),
                streams,
                List.copyOf(sources.sources()),
                sink,
                late,
                query.outputMode(),
                keyGroupCount,
                shape,
                isFirstStart));
    }

    /** A V1 sink is given an epoch as Spark gives it a batch, as all sinks are where epochs are bounded. */
    private Emission emission() {
        if (pace.isBounded()) {
            return Emission.PER_EPOCH;
        }
        if (settings.everyChange()) {
            return Emission.EVERY_CHANGE;
        }
        return query.sink() instanceof Sink ? Emission.PER_EPOCH : Emission.PER_PAGE;
    }

    /** @param runsPlanned whether the first epoch is in the offset log and runs as it stands there */
    private EpochLoop.Outcome runDataflow(
            Prepared prepared, Checkpoint.Start start, StateIndex from, boolean runsPlanned)
            throws IOException, InterruptedException {
        EpochCommitter.Surroundings surroundings = prepared.surroundings();
        epochUnderWay = start.firstEpoch();
        Crew crew = workers.next();
        Placement placement =
                crew == null ? Placement.alone(settings.loopCount()) : new Placement(0, crew.size(), crew.loopCount());
        query.started(
                start.firstEpoch(),
                Checkpoint.progressOf(surroundings.checkpoint().committedOffsets()));
        surroundings.sink().open(start.firstEpoch(), placement.taskCount());
        EpochCommitter committer = new EpochCommitter(surroundings, start, from, this::committed);
        long stateMemoryBytes =
                crew == null ? settings.stateMemoryBytes() : settings.cluster().stateMemoryBytes();
        DataflowPlan plan = DataflowPlan.of(prepared.graph(), placement);
        Deployment deployment = deployment(prepared, plan, start, from, stateMemoryBytes);
        EpochCoordinator coordinator = new EpochCoordinator(deployment.epochShape(placement), start.firstEpoch());
        Dataflow running = crew == null
                ? local(prepared, deployment, placement, coordinator)
                : workers.dataflow(crew, deployment, prepared.graph(), coordinator, epochTime, prepared.loader());
        dataflow = running;
        Polls polling =
                Polls.of(query.label(), sources.sources(), prepared.ofTasks().scopes(prepared.loader()), coordinator);
        polls = polling;
        try {
            surroundings.progress().begin(running.metrics());
            query.figures().running(running.metrics(), start.firstEpoch());
            policy.started();
            requireNotEnding(); // workers may take long to start
            running.start();
            requireNotEnding();
            polling.start();
            BoundedEpochs.Parts bounded = prepared.bounded();
            if (bounded == null) {
                return loop.run(running.epochs(), committer, prepared.tables());
            }
            bounded.watermark().startFrom(start.watermarkMillis());
            EpochPlan planned = runsPlanned ? bounded.planner().planned(start.firstEpoch()) : null;
            return new BoundedEpochs(query, pace, bounded, workers).run(running, committer, prepared.tables(), planned);
        } finally {
            polling.requestStop();
            end(running);
            tellAlive(polling.awaitStop());
            dataflow = null;
            surroundings.sink().abort(surroundings.protocol().firstUndecided());
        }
    }

    /** Code that was called on the way may have taken the interrupt that said so for its own. */
    private void requireNotEnding() throws InterruptedException {
        if (query.isEnding()) {
            throw new InterruptedException("The query was stopped before its dataflow ran.");
        }
    }

    private Dataflow local(
            Prepared prepared, Deployment deployment, Placement placement, EpochCoordinator coordinator) {
        return LocalDataflow.of(
                prepared.graph(),
                coordinator,
                reports -> deployment.create(
                        placement,
                        LocalDataflow::noLink,
                        reports,
                        prepared.loader(),
                        epochTime == null ? query.triggerClock()::getTimeMillis : epochTime));
    }

    /** What the workers of an attempt run. */
    private Deployment deployment(
            Prepared prepared, DataflowPlan plan, Checkpoint.Start start, StateIndex from, long stateMemoryBytes) {
        Deployment planned = new Deployment(
                query.label(),
                plan,
                prepared.keyGroupCount(),
                start.firstEpoch(),
                stateMemoryBytes,
                prepared.state().place(from, settings.localCopyBytes()),
                prepared.ofTasks(),
                pace.isBounded());
        boolean fromBytes = Deployment.isAlwaysShipped()
                && Obstacles.of(query.sink(), query.triggerClock()).isEmpty();
        return fromBytes ? Deployment.fromBytes(planned.toBytes(), prepared.loader()) : planned;
    }

    private void committed(long epoch) {
        epochUnderWay = epoch + 1;
        restoreEpoch = -1;
        policy.committed();
        workers.committed();
        isFirstStart = false;
    }

    /** Whether a last epoch makes sense: a dataflow is running. Thread: any. */
    boolean hasDataflow() {
        return dataflow != null;
    }

    /** Asks for a last epoch and the end. Thread: any. */
    void requestStop() {
        loop.requestStop();
    }

    /** Makes the query's thread look around. Thread: any. */
    void wakeUp() {
        loop.wakeUp();
    }

    /** Ends the dataflow's threads although the query's own thread does not. Thread: any. */
    void abandon() {
        Polls polling = polls;
        if (polling != null) {
            polling.requestStop();
        }
        Dataflow running = dataflow;
        if (running != null) {
            end(running);
        }
    }

    private void end(Dataflow running) {
        tellAlive(running.stop());
    }

    private void tellAlive(List<String> alive) {
        if (!alive.isEmpty()) {
            LOG.warn(
                    "Query {} is over, but these threads go on, because code of the query that they run heeds no "
                            + "interrupt: {}.",
                    query.label(),
                    alive);
        }
    }

    /** The text of {@code explain}. Thread: any. */
    String explain(boolean extended) {
        StaticTables current = tables;
        return current == null
                ? "The query is still being planned."
                : current.plan().explain(extended) + "\n" + RunningText.of(query.figures());
    }
}
