package dev.millrace.spark.execution;

import dev.millrace.engine.epoch.DataflowFailedException;
import dev.millrace.engine.graph.Dataflow;
import dev.millrace.engine.graph.DataflowSettings;
import dev.millrace.engine.operator.Emission;
import dev.millrace.spark.plan.PlanRequest;
import dev.millrace.spark.plan.PlanSettings;
import dev.millrace.spark.plan.PlannedQuery;
import dev.millrace.spark.plan.QueryPlanner;
import dev.millrace.spark.settings.MillraceSettings;
import dev.millrace.spark.sink.SparkSink;
import dev.millrace.spark.source.SparkSource;
import dev.millrace.spark.thread.SparkTaskScopes;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.TimeUnit;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.connector.read.streaming.SparkDataStream;
import org.apache.spark.sql.execution.streaming.Sink;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One life of a query, from its checkpoint to its end: plans it, then runs a dataflow, and another one
 * where the sources' partitions changed.
 *
 * <p>Thread: the query's, except for what says any.
 */
final class QueryRun {
    private static final Logger LOG = LoggerFactory.getLogger(QueryRun.class);

    private final RealTimeExecution query;
    private final SparkSession session;
    private final QuerySources sources;
    private final MillraceSettings settings;
    private final EpochTimer timer;
    private final EpochLoop loop;
    private volatile @Nullable PlannedQuery planned;
    private volatile @Nullable Dataflow dataflow;

    QueryRun(
            RealTimeExecution query,
            SparkSession session,
            QuerySources sources,
            MillraceSettings settings,
            long intervalMillis,
            Drains drains) {
        this.query = query;
        this.session = session;
        this.sources = sources;
        this.settings = settings;
        this.timer = new EpochTimer(query.triggerClock(), intervalMillis, query.label(), this::wakeUp);
        this.loop = new EpochLoop(timer, drains, sources);
    }

    /** Runs until the query is stopped. Errors: whatever ends it. */
    void run() throws InterruptedException {
        session.conf().set("spark.sql.adaptive.enabled", "false");
        Checkpoint checkpoint = new Checkpoint(session, query.offsetLog(), query.commitLog(), sources);
        Checkpoint.Start start = checkpoint.read(settings.restoreEpoch());
        int keyGroupCount = query.keyGroupCount(session);
        ClassLoader loader = query.userClassLoader(session);
        SparkSink sink = query.openSink(session, settings.loopCount(), loader);
        QueryProgress progress = new QueryProgress(query, sources.sources(), keyGroupCount);

        long planningStart = System.nanoTime();
        PlannedQuery plan = plan(sink, keyGroupCount);
        planned = plan;
        progress.took("queryPlanning", System.nanoTime() - planningStart);
        Checkpoint.refuseState(session, query.resolvedCheckpointRoot(), plan.isStateful());
        StateLog state = plan.isStateful() ? openState(plan, start, keyGroupCount) : null;
        checkpoint.abandonPlanned(start, epoch -> {
            if (state != null) {
                state.storeUnchanged(epoch);
            }
        });
        query.started(start.firstEpoch(), Checkpoint.progressOf(checkpoint.committedOffsets()));

        EpochCommitter committer =
                new EpochCommitter(query, checkpoint, start, sources, sink, plan.streamOfStage(), state, progress);
        SparkTaskScopes scopes = new SparkTaskScopes(session.sessionState().conf(), loader, (Properties)
                session.sparkContext().getLocalProperties().clone());
        timer.start();
        try {
            while (runDataflow(plan, sink, keyGroupCount, scopes, state, committer, progress)
                    == EpochLoop.Outcome.RECONFIGURED) {
                LOG.info("The partitions of a source changed; query {} goes on with all of them.", query.label());
            }
        } finally {
            timer.close();
        }
    }

    private PlannedQuery plan(SparkSink sink, int keyGroupCount) {
        List<SparkDataStream> streams =
                sources.sources().stream().map(SparkSource::stream).toList();
        PlanSettings shape = new PlanSettings(
                emission(), TimeUnit.MILLISECONDS.toNanos(settings.watermarkIdleMillis()), settings.loopCount());
        return QueryPlanner.plan(new PlanRequest(
                session,
                sources.plan(),
                streams,
                List.copyOf(sources.sources()),
                sink,
                query.outputMode(),
                keyGroupCount,
                shape));
    }

    /** A V1 sink is given an epoch as Spark gives it a batch: with one row for a key that changed. */
    private Emission emission() {
        if (settings.everyChange()) {
            return Emission.EVERY_CHANGE;
        }
        return query.sink() instanceof Sink ? Emission.PER_EPOCH : Emission.PER_PAGE;
    }

    private StateLog openState(PlannedQuery plan, Checkpoint.Start start, int keyGroupCount) {
        return StateLog.open(
                Checkpoint.stateFiles(session, query.resolvedCheckpointRoot()),
                query.runId().toString(),
                query.epochsToKeep(),
                start.committedEpoch(),
                plan.graph(),
                keyGroupCount);
    }

    private EpochLoop.Outcome runDataflow(
            PlannedQuery plan,
            SparkSink sink,
            int keyGroupCount,
            SparkTaskScopes scopes,
            @Nullable StateLog state,
            EpochCommitter committer,
            QueryProgress progress)
            throws InterruptedException {
        long firstEpoch = committer.lastCommitted() + 1;
        sink.open(firstEpoch);
        DataflowSettings shape = new DataflowSettings(
                query.label(),
                settings.loopCount(),
                keyGroupCount,
                firstEpoch,
                StateMemory.budget(settings),
                state == null ? null : state.durability());
        Dataflow running = Dataflow.create(plan.graph(), shape, scopes);
        dataflow = running;
        try {
            progress.begin(running.metrics());
            running.start();
            return loop.run(running.epochs(), committer);
        } catch (DataflowFailedException e) {
            throw QueryFailure.of(e, committer.lastCommitted() + 1);
        } finally {
            end(running);
            sink.abort(committer.lastCommitted() + 1);
        }
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
        Dataflow running = dataflow;
        if (running != null) {
            end(running);
        }
    }

    private void end(Dataflow running) {
        List<String> alive = running.stop();
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
        PlannedQuery current = planned;
        return current == null ? "The query is still being planned." : current.explain(extended);
    }
}
