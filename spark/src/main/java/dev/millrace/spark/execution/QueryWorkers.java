package dev.millrace.spark.execution;

import dev.millrace.engine.epoch.EpochCoordinator;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.engine.graph.Dataflow;
import dev.millrace.engine.graph.StreamGraph;
import dev.millrace.engine.operator.EpochTime;
import dev.millrace.spark.cluster.ClusterDataflow;
import dev.millrace.spark.cluster.Crew;
import dev.millrace.spark.cluster.Deployment;
import dev.millrace.spark.cluster.WorkerPool;
import dev.millrace.spark.settings.ClusterSettings;
import java.util.Objects;
import java.util.OptionalInt;
import java.util.concurrent.TimeUnit;
import org.apache.spark.SparkContext;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Where one query runs: in the driver alone, or on workers of the application. The number that is wanted is read
 * anew from the user's session for each attempt and each epoch.
 *
 * <p>Thread: the query's.
 */
final class QueryWorkers implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(QueryWorkers.class);
    private static final long LOOK_NANOS = TimeUnit.SECONDS.toNanos(1);

    private final MillraceExecution query;
    private final SparkContext context;
    private final ClusterSettings settings;
    private final String label;

    /** Why the query cannot run on several workers; empty where it can. */
    private String obstacle = "";

    private @Nullable WorkerPool pool;
    private @Nullable Crew crew;
    private boolean hasHadCrew;
    private int attempts;

    QueryWorkers(MillraceExecution query, SparkContext context, ClusterSettings settings) {
        this.query = query;
        this.context = context;
        this.settings = settings;
        this.label = query.label();
        if (context.isLocal()) {
            obstacle = "a local master has no executors";
            if (isAskedFor()) {
                tell();
            }
        }
    }

    /** Whether the user wants workers by name, and not only leaves it open. */
    private boolean isAskedFor() {
        return settings.workers().orElse(0) > 0;
    }

    /** The query runs in the driver alone, whatever is set, and the log says why. */
    void cannotSpread(String why) {
        if (obstacle.isEmpty()) {
            obstacle = why;
            if (settings.workers().isEmpty() || isAskedFor()) {
                tell();
            }
        }
    }

    private void tell() {
        LOG.info(
                "Query {} runs in the driver alone{}: {}.",
                label,
                isAskedFor() ? ", although spark.millrace.workers is set" : "",
                obstacle);
    }

    /** What the user set; where that was left open, all. */
    private int wanted() {
        return obstacle.isEmpty() ? set().orElse(ClusterSettings.ALL) : 0;
    }

    private OptionalInt set() {
        return ClusterSettings.workers(query.sparkSession().sessionState().conf());
    }

    private boolean isLeftOpen() {
        return set().isEmpty();
    }

    /**
     * The workers for the next attempt, or null for the driver alone. The first time it waits for all that are
     * wanted; later, when some are gone, it makes do with those that are there, and goes by more as they come. Where
     * the user left it open, an application that gets no executors runs its queries in the driver until it has some.
     *
     * <p>Errors: WORKERS_MISSING.
     */
    @Nullable
    Crew next() throws InterruptedException {
        boolean hasExecutors = hasHadCrew || !isLeftOpen() || lookAtExecutors();
        int wanted = wanted();
        if (wanted == 0) {
            query.note("");
            leave();
            return null;
        }
        WorkerPool joined = WorkerPool.join(context, settings, this, wanted);
        pool = joined;
        Crew found = hasExecutors ? await(joined, wanted) : null;
        query.note(found == null ? "" : told(found, joined.cutOffTold()));
        if (found == null) {
            LOG.info("Query {} runs in the driver until there are executors for it.", label);
        } else {
            LOG.info("Query {} runs on {} workers with {} loops each.", label, found.size(), found.loopCount());
            hasHadCrew = true;
        }
        crew = found;
        return found;
    }

    /** What the query's status says of where it runs. */
    private static String told(Crew crew, String cutOff) {
        String on = "on %d %s".formatted(crew.size(), crew.size() == 1 ? "worker" : "workers");
        return cutOff.isEmpty() ? on : on + "; " + cutOff;
    }

    /** Null where there are none, and the user left it open. */
    private @Nullable Crew await(WorkerPool joined, int wanted) throws InterruptedException {
        try {
            return joined.await(this, hasHadCrew ? 1 : wanted, settings.timeoutMillis());
        } catch (MillraceException e) {
            if (hasHadCrew || !isLeftOpen()) {
                throw e;
            }
            LOG.info("Query {} found no workers.", label, e);
            return null;
        }
    }

    /**
     * Waits for a first executor and says whether there is one. A worker on an executor with one core would leave no
     * room for Spark's own jobs: nobody gets that unasked.
     */
    private boolean lookAtExecutors() throws InterruptedException {
        int cores = obstacle.isEmpty() ? WorkerPool.awaitCores(context, settings.timeoutMillis()) : 0;
        if (cores == 1) {
            cannotSpread("its executors have one core each, and a worker would leave none for Spark's own jobs; give "
                    + "them more, or set spark.millrace.workers");
        }
        return cores > 0;
    }

    /** A dataflow on the workers that {@link #next} gave. */
    Dataflow dataflow(
            Crew on,
            Deployment deployment,
            StreamGraph graph,
            EpochCoordinator coordinator,
            @Nullable EpochTime epochTime,
            ClassLoader loader) {
        String attempt = "%s-%d".formatted(query.runId(), attempts++);
        return new ClusterDataflow(
                Objects.requireNonNull(pool, "a pool"),
                on,
                ClusterDataflow.Order.of(
                        attempt, deployment, graph, coordinator, epochTime, query.sparkSession(), loader));
    }

    /** The workers have committed an epoch. */
    void committed() {
        WorkerPool joined = pool;
        Crew current = crew;
        if (joined != null && current != null) {
            joined.worked(current);
        }
    }

    /** Whether the next attempt would run elsewhere than the one under way. */
    boolean areOutdated() {
        int wanted = wanted();
        WorkerPool joined = pool;
        Crew current = crew;
        if (joined == null || wanted == 0) {
            return (wanted == 0) != (current == null);
        }
        joined.want(this, wanted);
        return joined.isOutdated(this, current == null ? 0 : current.size());
    }

    /** How long the query may wait before it looks again whether its workers are outdated. */
    long untilLookNanos() {
        return obstacle.isEmpty() ? LOOK_NANOS : Long.MAX_VALUE;
    }

    private void leave() {
        WorkerPool joined = pool;
        if (joined != null) {
            joined.leave(this);
        }
        pool = null;
        crew = null;
    }

    /** The query wants no workers any more. */
    @Override
    public void close() {
        leave();
    }
}
