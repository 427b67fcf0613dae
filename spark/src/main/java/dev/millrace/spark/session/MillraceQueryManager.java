package dev.millrace.spark.session;

import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.ErrorKind;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.spark.execution.MillraceExecution;
import dev.millrace.spark.execution.Pace;
import dev.millrace.spark.execution.QueryRequest;
import dev.millrace.spark.execution.ReportedException;
import dev.millrace.spark.scala.Scala;
import dev.millrace.spark.settings.MillraceSettings;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.TimeoutException;
import org.apache.spark.sql.catalyst.catalog.CatalogTable;
import org.apache.spark.sql.classic.Dataset;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.classic.StreamingQuery;
import org.apache.spark.sql.classic.StreamingQueryManager;
import org.apache.spark.sql.connector.catalog.Identifier;
import org.apache.spark.sql.connector.catalog.Table;
import org.apache.spark.sql.connector.catalog.TableCatalog;
import org.apache.spark.sql.errors.QueryExecutionErrors;
import org.apache.spark.sql.execution.streaming.runtime.StreamExecution;
import org.apache.spark.sql.execution.streaming.runtime.StreamingQueryWrapper;
import org.apache.spark.sql.internal.SQLConf;
import org.apache.spark.sql.streaming.OutputMode;
import org.apache.spark.sql.streaming.StreamingQueryException;
import org.apache.spark.sql.streaming.Trigger;
import org.apache.spark.util.Clock;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import scala.Option;
import scala.Tuple2;
import scala.collection.immutable.Map;
import scala.collection.mutable.HashMap;

/**
 * A session's query manager that runs queries with {@code Trigger.RealTime} on Millrace, by setting also those
 * of micro-batches, and hands all others to Spark. Both kinds stand in the manager's one map of active queries, so names, ids, {@code
 * active}, {@code get} and terminations behave as in Spark.
 *
 * <p>Thread: any.
 */
public final class MillraceQueryManager extends StreamingQueryManager {
    private static final Logger LOG = LoggerFactory.getLogger(MillraceQueryManager.class);
    private static final String STOP_ACTIVE_RUN = "spark.sql.streaming.stopActiveRunOnRestart";

    private SparkSession session;

    /** The manager that stood here before; users may hold it, so terminations are told to it. */
    private @Nullable StreamingQueryManager predecessor;

    MillraceQueryManager(SparkSession session, SQLConf conf) {
        super(session, conf);
        this.session = session;
    }

    /** Completes an instance of which no constructor ran. */
    void initialize(SparkSession owner, StreamingQueryManager former) {
        session = owner;
        predecessor = former;
    }

    @Override
    public org.apache.spark.sql.classic.StreamingQuery startQuery(
            Option<String> name,
            Option<String> sinkName,
            Option<String> checkpointLocation,
            Dataset<?> query,
            Map<String, String> options,
            Table sink,
            OutputMode outputMode,
            boolean useTempCheckpointLocation,
            boolean recoverFromCheckpointLocation,
            Trigger trigger,
            Clock triggerClock,
            Option<Tuple2<TableCatalog, Identifier>> catalogAndIdentifier,
            Option<CatalogTable> catalogTable)
            throws TimeoutException {
        SQLConf conf = session.sessionState().conf();
        AllowList.synchronize(conf);
        Optional<Pace> pace = pace(conf, trigger);
        if (pace.isPresent()) {
            QueryRequest request = new QueryRequest(
                    session,
                    name,
                    sinkName,
                    checkpointLocation,
                    query,
                    options,
                    sink,
                    outputMode,
                    useTempCheckpointLocation,
                    recoverFromCheckpointLocation,
                    trigger,
                    pace.get(),
                    triggerClock,
                    catalogAndIdentifier,
                    catalogTable);
            Optional<MillraceExecution> execution = execution(request);
            if (execution.isPresent()) {
                return register(request, execution.get());
            }
        }
        return super.startQuery(
                name,
                sinkName,
                checkpointLocation,
                query,
                options,
                sink,
                outputMode,
                useTempCheckpointLocation,
                recoverFromCheckpointLocation,
                trigger,
                triggerClock,
                catalogAndIdentifier,
                catalogTable);
    }

    /** How a query goes on Millrace; empty where it is Spark's. */
    private static Optional<Pace> pace(SQLConf conf, Trigger trigger) {
        try {
            return MillraceSettings.isEnabled(conf)
                    ? Pace.of(trigger, MillraceSettings.triggers(conf))
                    : Optional.empty();
        } catch (MillraceException e) {
            throw ReportedException.of(e);
        }
    }

    /**
     * The query on Millrace; empty where Spark's own engine runs it, because Millrace cannot and Spark can. What
     * the user wants of Millrace itself is not dropped for that: a setting that it cannot follow is an error.
     */
    private static Optional<MillraceExecution> execution(QueryRequest request) {
        try {
            return Optional.of(MillraceExecution.create(request));
        } catch (MillraceException e) {
            ReportedException reported = ReportedException.of(e);
            if (!request.pace().isBounded()
                    || e.code().kind() != ErrorKind.UNSUPPORTED
                    || e.code() == ErrorCode.UNSUPPORTED_SETTING) {
                throw reported;
            }
            MillraceExecution.requireNothingKept(request, reported);
            LOG.info(
                    "Spark's own engine runs query {}, because Millrace cannot: {}",
                    request.name().getOrElse(() -> "without a name"),
                    e.getMessage());
            return Optional.empty();
        }
    }

    private StreamingQuery register(QueryRequest request, MillraceExecution execution) throws TimeoutException {
        StreamingQueryWrapper query = new StreamingQueryWrapper(execution);
        StreamExecution former = findConflict(request.name(), query);
        if (former != null) {
            // Outside the lock, because stopping a query takes it.
            former.stop();
        }
        synchronized (activeQueriesLock()) {
            StreamExecution other =
                    session.sharedState().activeStreamingQueries().putIfAbsent(query.id(), execution);
            if (other != null) {
                throw Scala.sneaky(QueryExecutionErrors.concurrentQueryInstanceError());
            }
            activeQueries().put(query.id(), query);
        }
        try {
            // Outside the lock too: it calls the listeners' onQueryStarted, which is the user's code.
            execution.start();
        } catch (Throwable t) {
            synchronized (activeQueriesLock()) {
                session.sharedState().activeStreamingQueries().remove(query.id(), execution);
                activeQueries().remove(query.id());
            }
            throw t;
        }
        return query;
    }

    /** The run that must be stopped first; throws where the user did not ask for that. */
    private @Nullable StreamExecution findConflict(Option<String> name, StreamingQueryWrapper query) {
        synchronized (activeQueriesLock()) {
            if (name.isDefined()) {
                for (StreamingQuery active : active()) {
                    if (name.get().equals(active.name())) {
                        throw new IllegalArgumentException(
                                ("Cannot start query with name %s as a query with that name is already active in this "
                                                + "SparkSession")
                                        .formatted(name.get()));
                    }
                }
            }
            StreamExecution former =
                    session.sharedState().activeStreamingQueries().get(query.id());
            if (former == null) {
                return null;
            }
            if (!Boolean.parseBoolean(session.sessionState().conf().getConfString(STOP_ACTIVE_RUN, "true"))) {
                throw new IllegalStateException(
                        ("Cannot start query with id %s as another query with same id is already active. Stop it, give "
                                        + "this one another checkpoint, or let a restart stop the active run by "
                                        + "spark.conf.set(\"%s\", true).")
                                .formatted(query.id(), STOP_ACTIVE_RUN));
            }
            LOG.warn(
                    "Stopping streaming query id={}, runId={}, because a new run of it is being started.",
                    query.id(),
                    former.runId());
            return former;
        }
    }

    private HashMap<UUID, StreamingQuery> activeQueries() {
        return SparkInternals.activeQueries(this);
    }

    private Object activeQueriesLock() {
        return session.sharedState().activeQueriesLock();
    }

    @Override
    public void notifyQueryTermination(StreamingQuery query) {
        if (predecessor == null) {
            super.notifyQueryTermination(query);
        } else {
            predecessor.notifyQueryTermination(query);
        }
    }

    @Override
    public void awaitAnyTermination() throws StreamingQueryException {
        if (predecessor == null) {
            super.awaitAnyTermination();
        } else {
            predecessor.awaitAnyTermination();
        }
    }

    @Override
    public boolean awaitAnyTermination(long timeoutMillis) throws StreamingQueryException {
        return predecessor == null
                ? super.awaitAnyTermination(timeoutMillis)
                : predecessor.awaitAnyTermination(timeoutMillis);
    }

    @Override
    public void resetTerminated() {
        if (predecessor == null) {
            super.resetTerminated();
        } else {
            predecessor.resetTerminated();
        }
    }
}
