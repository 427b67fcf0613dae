package dev.millrace.spark.execution;

import dev.millrace.engine.error.Interruption;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.spark.checkpoint.LocalCheckpointFiles;
import dev.millrace.spark.metrics.QueryFigures;
import dev.millrace.spark.metrics.QueryObservation;
import dev.millrace.spark.plan.QueryPlanner;
import dev.millrace.spark.scala.Scala;
import dev.millrace.spark.settings.MillraceSettings;
import dev.millrace.spark.settings.SettingsInForce;
import dev.millrace.spark.sink.StreamingWrites;
import dev.millrace.spark.source.Reading;
import dev.millrace.spark.source.SourceFactory;
import dev.millrace.spark.ui.RealTimeTab;
import dev.millrace.spark.version.Version;
import java.util.HashMap;
import java.util.Map;
import java.util.OptionalLong;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;
import org.apache.spark.SparkContext;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.catalyst.streaming.WriteToStream;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.connector.read.streaming.Offset;
import org.apache.spark.sql.connector.read.streaming.ReadLimit;
import org.apache.spark.sql.connector.read.streaming.SparkDataStream;
import org.apache.spark.sql.execution.streaming.checkpointing.CommitLog;
import org.apache.spark.sql.execution.streaming.checkpointing.OffsetSeqLog;
import org.apache.spark.sql.execution.streaming.checkpointing.OffsetSeqMetadataBase;
import org.apache.spark.sql.execution.streaming.runtime.ACTIVE$;
import org.apache.spark.sql.execution.streaming.runtime.ContinuousExecutionContext;
import org.apache.spark.sql.execution.streaming.runtime.StreamExecution;
import org.apache.spark.sql.execution.streaming.runtime.StreamExecutionContext;
import org.apache.spark.sql.execution.streaming.runtime.StreamProgress;
import org.apache.spark.sql.execution.streaming.runtime.StreamingQueryCheckpointMetadata;
import org.apache.spark.sql.execution.streaming.runtime.TERMINATED$;
import org.apache.spark.sql.internal.SQLConf;
import org.apache.spark.sql.streaming.StreamingQueryException;
import org.apache.spark.sql.streaming.StreamingQueryListener;
import org.apache.spark.sql.streaming.StreamingQueryProgress;
import org.apache.spark.sql.streaming.StreamingQueryStatus;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import scala.collection.immutable.Seq;

/**
 * A running query as Spark and its users see it, in real time or in bounded epochs: a {@code StreamExecution}
 * whose work is done by a {@link QueryRun}.
 *
 * <p>Thread: the query's own runs {@link #runActivatedStream}; users call the rest from any.
 */
public final class MillraceExecution extends StreamExecution {
    private static final Logger LOG = LoggerFactory.getLogger(MillraceExecution.class);

    /** How long a query that was interrupted may take to end, beside the loss of a worker that it has to notice. */
    private static final long INTERRUPTED_MILLIS = 10_000;

    /** How long the query waits for its sources to stop; less than what a stop waits for the query. */
    private static final long SOURCES_MILLIS = 1_000;

    /** How often those who wait for progress look whether the query is over. */
    private static final long LOOK_MILLIS = 100;

    /** Spark's own would be written by the settings of the user's session, not by those of the query's. */
    private final StreamingQueryCheckpointMetadata sparksLogs;

    private final QueryRequest request;
    private final MillraceSettings settings;
    private final QuerySinks sinks;
    private final Drains drains = new Drains();
    private final QueryFigures figures;
    private @Nullable QueryObservation observation;
    private @Nullable StreamExecutionContext context;
    private @Nullable QuerySources querySources;
    private volatile String note = "";
    private volatile @Nullable QueryRun run;
    private long lastActiveNanos = System.nanoTime();

    private MillraceExecution(QueryRequest request, WriteToStream write, MillraceSettings settings) {
        super(
                request.session(),
                write.name(),
                write.resolvedCheckpointLocation(),
                write.inputQuery(),
                write.sink(),
                request.trigger(),
                request.triggerClock(),
                write.outputMode(),
                write.deleteCheckpointOnStop());
        LocalCheckpointFiles.useIn(sparkSessionForStream().sessionState().conf());
        this.sparksLogs =
                new StreamingQueryCheckpointMetadata(sparkSessionForStream(), resolvedCheckpointRoot(), false);
        this.request = request;
        this.settings = settings;
        this.sinks = new QuerySinks(this, request);
        this.figures = new QueryFigures(new QueryFigures.Identity(
                id(),
                runId(),
                name(),
                StreamingWrites.nameOf(sink()),
                outputMode().toString(),
                request.pace().intervalMillis(),
                System.currentTimeMillis(),
                SettingsInForce.of(request.session().sessionState().conf())));
    }

    /**
     * Makes a query that can be started. All that can be told to be unsupported is refused here, most of
     * it before the checkpoint is touched.
     *
     * <p>Errors: MILLRACE_UNSUPPORTED_…, and Spark's own for what no streaming query can do.
     */
    public static MillraceExecution create(QueryRequest request) {
        SparkSession session = request.session();
        MillraceSettings settings = MillraceSettings.read(
                session.sessionState().conf(), session.sparkContext().master());
        if (!request.pace().isBounded()) {
            MillraceSettings.checkInterval(request.pace().intervalMillis());
        }
        LogicalPlan analyzed = request.analyzed();
        QueryChecks.check(request, analyzed);
        QueryPlanner.check(session, analyzed, request.outputMode());
        if (request.pace().isBounded()) {
            // What only planning would refuse, while the query can still be handed to Spark.
            QueryPlanner.tryOut(session, analyzed, request.outputMode());
        }
        WriteToStream write = request.resolve();
        Checkpoint.refuseState(
                session, write.resolvedCheckpointLocation(), QueryChecks.isStateful(analyzed), settings.importsState());
        MillraceExecution execution = new MillraceExecution(request, write, settings);
        execution.sinks.check();
        // Before the query runs: whoever started it may open its page at once.
        RealTimeTab.attach(session.sparkContext());
        return execution;
    }

    /**
     * Lets a query be handed to Spark's own engine, unless its checkpoint holds state of Millrace: Spark would
     * go on with empty state.
     *
     * <p>Errors: {@code refusal} where it does.
     */
    public static void requireNothingKept(QueryRequest request, MillraceException refusal) {
        if (QueryChecks.isStateful(request.analyzed())) {
            String root = request.resolve().resolvedCheckpointLocation();
            if (Checkpoint.holdsState(Checkpoint.stateFiles(request.session(), root))) {
                throw refusal;
            }
        }
    }

    // What a run needs of its query.

    QuerySinks sinks() {
        return sinks;
    }

    /** Units of state ownership: the shuffle partitions at the query's first start. */
    int keyGroupCount(SparkSession session) {
        String pinned = "spark.sql.streaming.internal.stateStore.partitions";
        return Integer.parseInt(session.conf().get(pinned));
    }

    /** The session's artifacts where it has any, else what the query was started with. */
    ClassLoader userClassLoader(SparkSession session) {
        return Scala.cast(session.artifactManager()
                .withResources(() -> Thread.currentThread().getContextClassLoader()));
    }

    /** How many epochs a restart may go back to. */
    int epochsToKeep() {
        return minLogEntriesToMaintain();
    }

    /** The query's name, or its id. */
    String label() {
        return name() == null ? id().toString() : name();
    }

    @Override
    public OffsetSeqLog offsetLog() {
        return sparksLogs.offsetLog();
    }

    @Override
    public CommitLog commitLog() {
        return sparksLogs.commitLog();
    }

    /** What is known of this query. Thread: any. */
    QueryFigures figures() {
        return figures;
    }

    /** What watches the run under way. */
    QueryObservation observation() {
        if (observation == null) {
            throw new IllegalStateException("the query does not run");
        }
        return observation;
    }

    // What a run tells its query. Thread: the query's.

    void started(long epoch, StreamProgress offsets) {
        StreamExecutionContext current = getLatestExecutionContext();
        current.batchId_$eq(epoch);
        current.startOffsets_$eq(offsets);
        current.endOffsets_$eq(offsets);
        committedOffsets_$eq(offsets);
        idle();
    }

    /** The query failed, and is about to go on from its checkpoint. */
    void recovering(int attempt, String error) {
        status("Recovering from a failure, attempt %d: %s".formatted(attempt, error), false);
    }

    /** Whether somebody stopped the query, so that what fails now is its end. Thread: any. */
    boolean isEnding() {
        return state().get() == TERMINATED$.MODULE$;
    }

    /** An epoch's end is known. */
    void planned(long epoch, StreamProgress end, OffsetSeqMetadataBase metadata) {
        StreamExecutionContext current = getLatestExecutionContext();
        current.batchId_$eq(epoch);
        current.endOffsets_$eq(end);
        current.offsetSeqMetadata_$eq(metadata);
        // For the jobs that a sink may run: Spark's job pages show it.
        sparkSession().sparkContext().setJobDescription(getBatchDescriptionString());
    }

    /** An epoch is durable. */
    void committed(StreamProgress end) {
        committedOffsets_$eq(end);
        Scala.optional(request.catalogTable())
                .ifPresent(table ->
                        sparkSession().catalog().refreshTable(table.identifier().quotedString()));
        long epoch = getLatestExecutionContext().batchId();
        if (epoch > minLogEntriesToMaintain()) {
            purge(epoch - minLogEntriesToMaintain());
        }
    }

    /** An epoch's progress is out; the next begins. */
    void reported(StreamProgress end, StreamProgress latest) {
        StreamExecutionContext current = getLatestExecutionContext();
        current.startOffsets_$eq(end);
        current.latestOffsets_$eq(latest);
        awaitProgressLock().lock();
        try {
            awaitProgressLockCondition().signalAll();
        } finally {
            awaitProgressLock().unlock();
        }
    }

    /** Plans a bounded epoch; who waits for all that is available sees whether there is one. */
    @Nullable
    EpochPlan planning(Supplier<@Nullable EpochPlan> next) {
        awaitProgressLock().lock();
        try {
            EpochPlan plan = next.get();
            noNewData_$eq(plan == null);
            if (plan == null) {
                awaitProgressLockCondition().signalAll();
            }
            return plan;
        } finally {
            awaitProgressLock().unlock();
        }
    }

    /** A bounded epoch runs. */
    void processing(boolean hasData) {
        status(hasData ? "Processing new data" : "No new data but cleaning up state", hasData);
    }

    /** Nothing is to be done for now. */
    void idle() {
        status("Waiting for data to arrive", false);
    }

    /** The number of the epoch that is due next. */
    long nextEpoch() {
        return getLatestExecutionContext().batchId();
    }

    long pollingDelayMillis() {
        return pollingDelayMs();
    }

    /** Nothing was to be done. Spark tells so once at the start, and then only while that goes on for a while. */
    void publishIdle(long triggerMillis, Supplier<StreamingQueryProgress> progress) {
        long silentMillis = triggerClock().getTimeMillis() - progressReporter().noDataProgressEventInterval();
        if (silentMillis >= progressReporter().lastNoExecutionProgressEventTime()) {
            progressReporter().updateIdleness(id(), runId(), triggerMillis, progress.get());
        }
    }

    void publish(StreamingQueryProgress progress, long epochStartMillis, boolean hasData) {
        status(hasData ? "Processing new data" : "Waiting for data to arrive", hasData);
        progressReporter().updateProgress(progress);
        long now = System.nanoTime();
        long idleNanos = TimeUnit.MILLISECONDS.toNanos(progressReporter().noDataProgressEventInterval());
        if (hasData) {
            lastActiveNanos = now;
        } else if (now - lastActiveNanos >= idleNanos) {
            lastActiveNanos = now;
            postEvent(new StreamingQueryListener.QueryIdleEvent(
                    id(), runId(), progressReporter().formatTimestamp(epochStartMillis)));
        }
    }

    private void status(String message, boolean isDataAvailable) {
        String told = note.isEmpty() ? message : message + "; " + note;
        getLatestExecutionContext().currentStatus_$eq(new StreamingQueryStatus(told, isDataAvailable, true));
    }

    /** What the status says besides, until it is another; may be empty. */
    void note(String besides) {
        note = besides;
    }

    // What Spark's StreamExecution asks for.

    @Override
    public synchronized StreamExecutionContext getLatestExecutionContext() {
        if (context == null) {
            context = new ContinuousExecutionContext(
                    id(), runId(), name(), triggerClock(), sources(), sink(), progressReporter(), -1, sparkSession());
        }
        return context;
    }

    @Override
    public synchronized LogicalPlan logicalPlan() {
        return querySources().plan();
    }

    private synchronized QuerySources querySources() {
        if (querySources == null) {
            Map<SparkDataStream, ReadLimit> made = new HashMap<>();
            StreamMaker maker = new StreamMaker(
                    request.session(),
                    resolvedCheckpointRoot(),
                    reading(),
                    request.pace().isBounded()
                            ? OptionalLong.empty()
                            : OptionalLong.of(request.pace().intervalMillis()),
                    stream -> {
                        // At once, because this is what stops the streams, also when a later one cannot be made.
                        made.put(stream, ReadLimit.allAvailable());
                        uniqueSources_$eq(Scala.immutableMap(made));
                    });
            querySources = QuerySources.create(analyzedPlan(), maker, sourceFactory());
        }
        return querySources;
    }

    private SourceFactory sourceFactory() {
        long pollMillis = request.pace().isBounded() ? 0 : settings.pollIntervalMillis();
        return new SourceFactory(
                request.session().sessionState().conf(), reading(), TimeUnit.MILLISECONDS.toNanos(pollMillis));
    }

    private Reading reading() {
        return request.pace().isBounded() ? Reading.BOUNDED : Reading.REAL_TIME;
    }

    @Override
    public synchronized Seq<SparkDataStream> sources() {
        return querySources == null ? Scala.emptySeq() : querySources.scalaOccurrences();
    }

    @Override
    public synchronized scala.collection.immutable.Map<SparkDataStream, String> sourceToIdMap() {
        Map<SparkDataStream, String> ids = new HashMap<>();
        if (querySources != null) {
            querySources.byId().forEach((id, stream) -> ids.put(stream, id));
        }
        return Scala.immutableMap(ids);
    }

    @Override
    public void runActivatedStream(SparkSession session) {
        QueryObservation watching = new QueryObservation(
                session.sparkContext(), figures, session.sessionState().conf().streamingMetricsEnabled());
        observation = watching;
        LOG.info("Query {} runs on Millrace {}.", label(), Version.text());
        boolean failed = false;
        ApplicationEnd applicationEnd = new ApplicationEnd(this);
        session.sparkContext().addSparkListener(applicationEnd);
        try {
            if (session.sparkContext().isStopped()) {
                throw new IllegalStateException("Cannot start a query: its application has ended.");
            }
            QueryRun current = new QueryRun(this, session, querySources(), settings, request.pace(), drains);
            run = current;
            current.run();
        } catch (Throwable t) {
            failed = !isEnding();
            // Unwrapped: Spark tells interrupts from failures by their class, and storage gives them one of its own.
            throw Scala.sneaky(isEnding() && Interruption.isIn(t) ? interrupted(t) : ReportedException.of(t));
        } finally {
            session.sparkContext().removeSparkListener(applicationEnd);
            watching.end(failed);
        }
    }

    private static InterruptedException interrupted(Throwable failure) {
        InterruptedException interrupted = new InterruptedException("The query was stopped while it worked.");
        interrupted.initCause(failure);
        return interrupted;
    }

    @Override
    public void cleanup() {
        drains.close();
    }

    @Override
    public String explainInternal(boolean extended) {
        QueryRun current = run;
        return current == null ? "The query is still being planned." : current.explain(extended);
    }

    /**
     * Ends the query behind one last epoch. A query that does not end by itself in about a second is
     * interrupted.
     *
     * <p>Errors: TimeoutException when the query's thread runs code that heeds no interrupt and is longer at it than
     * {@code spark.sql.streaming.stopTimeout}, or where that is not set, some seconds.
     */
    @Override
    public void stop() throws TimeoutException {
        Thread thread = queryExecutionThread();
        if (thread == Thread.currentThread()) {
            state().set(TERMINATED$.MODULE$);
            thread.interrupt();
            return;
        }
        QueryRun current = run;
        // A bounded epoch is planned, and runs again at the next start: there is nothing to end.
        if (!request.pace().isBounded()
                && state().get() == ACTIVE$.MODULE$
                && current != null
                && current.hasDataflow()) {
            current.requestStop();
            join(thread, TimeUnit.NANOSECONDS.toMillis(EpochLoop.LAST_EPOCH_NANOS) + LOOK_MILLIS);
        }
        state().set(TERMINATED$.MODULE$);
        if (thread.isAlive()) {
            cancelJobs();
            thread.interrupt();
            join(thread, interruptedMillis());
            cancelJobs(); // it may have begun another one
        }
        if (thread.isAlive()) {
            if (current != null) {
                current.abandon();
            }
            throw notEnding(thread);
        }
        LOG.info("Query {} was stopped.", label());
    }

    /**
     * Stops the sources, and does not wait for ever: Kafka's client waits for its answer from a broker that may not be
     * there, and cannot be interrupted. What takes longer ends by itself, behind the query.
     */
    @Override
    public void stopSources() {
        Thread stopping = new Thread(super::stopSources, "stopping sources of " + label());
        stopping.setDaemon(true);
        stopping.start();
        join(stopping, SOURCES_MILLIS);
        if (stopping.isAlive()) {
            LOG.warn("Query {} ends while a source of it is still stopping.", label());
        }
    }

    private void cancelJobs() {
        SparkContext spark = sparkSession().sparkContext();
        if (!spark.isStopped()) {
            spark.cancelJobGroup(runId().toString(), "Query %s was stopped".formatted(label()));
        }
    }

    private TimeoutException notEnding(Thread thread) {
        IllegalStateException where = new IllegalStateException("The query's thread was last here:");
        where.setStackTrace(thread.getStackTrace());
        TimeoutException failure =
                new TimeoutException(("Cannot stop the query in time: query=%s, thread=%s heeds no interrupt. See the "
                                + "cause for what it does.")
                        .formatted(label(), thread.getName()));
        failure.initCause(where);
        return failure;
    }

    private long interruptedMillis() {
        long set = Scala.<Long>cast(sparkSession().sessionState().conf().getConf(SQLConf.STREAMING_STOP_TIMEOUT()));
        return set > 0 ? set : INTERRUPTED_MILLIS + settings.cluster().detectionMillis();
    }

    private static void join(Thread thread, long millis) {
        try {
            thread.join(millis);
        } catch (InterruptedException e) {
            throw Scala.sneaky(e);
        }
    }

    // Waiting for progress.

    /** Ends epochs early until what the sources hold now is committed. */
    @Override
    public void processAllAvailable() {
        if (request.pace().isBounded()) {
            super.processAllAvailable();
            return;
        }
        await(new Drain(null));
    }

    /** Ends epochs early until a source has reached an offset; {@code timeoutMillis} is how often to look. */
    @Override
    public void awaitOffset(int sourceIndex, Offset offset, long timeoutMillis) {
        if (request.pace().isBounded()) {
            super.awaitOffset(sourceIndex, offset, timeoutMillis);
            return;
        }
        await(new Drain(new Drain.Wanted(sourceIndex, offset)));
    }

    private void await(Drain drain) {
        if (queryExecutionThread() == Thread.currentThread()) {
            throw new IllegalStateException("Cannot wait for a query state from the thread that is running the query");
        }
        throwDeathCause();
        if (!isActive()) {
            return;
        }
        drains.add(drain);
        try {
            do {
                QueryRun current = run;
                if (current != null) {
                    current.wakeUp();
                }
            } while (!drain.await(LOOK_MILLIS) && isActive());
        } catch (InterruptedException e) {
            throw Scala.sneaky(e);
        }
        throwDeathCause();
    }

    private void throwDeathCause() {
        StreamingQueryException failure = Scala.optional(exception()).orElse(null);
        if (failure != null) {
            throw Scala.sneaky(failure);
        }
    }
}
