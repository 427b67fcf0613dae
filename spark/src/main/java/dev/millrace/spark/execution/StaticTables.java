package dev.millrace.spark.execution;

import dev.millrace.spark.plan.PlannedQuery;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Whether the tables that a query reads beside its streams hold something else than its plan took from them. It is
 * looked between epochs, by planning the query again; where that gives something else, the query goes on with the
 * new plan.
 *
 * <p>Thread: the query's, except for {@link #plan}.
 */
final class StaticTables {
    private static final Logger LOG = LoggerFactory.getLogger(StaticTables.class);

    private final String label;
    private final long intervalNanos;
    private final Supplier<PlannedQuery> again;
    private final Predicate<Exception> endsQuery;
    private volatile PlannedQuery plan;
    private long lookNanos = System.nanoTime();

    /**
     * @param plan what the query runs first
     * @param intervalMillis the least time between two looks; below 0 there are none
     * @param again plans the query as of now, with what its tables hold by then
     * @param endsQuery whether a failure is the end that somebody asked for, and none of the tables
     */
    StaticTables(
            String label,
            PlannedQuery plan,
            long intervalMillis,
            Supplier<PlannedQuery> again,
            Predicate<Exception> endsQuery) {
        this.label = label;
        this.plan = plan;
        this.intervalNanos = TimeUnit.MILLISECONDS.toNanos(intervalMillis);
        this.again = again;
        this.endsQuery = endsQuery;
    }

    /** What to run. Thread: any. */
    PlannedQuery plan() {
        return plan;
    }

    /**
     * Looks, if it is time to, whether the tables changed, so that the dataflow under way is not that of {@link #plan}
     * any more. Where they cannot be read, the query goes on with what it has, and the log says so.
     */
    boolean areOutdated() {
        if (intervalNanos < 0 || plan.staticSides().isEmpty() || System.nanoTime() - lookNanos < intervalNanos) {
            return false;
        }
        PlannedQuery next;
        try {
            next = again.get();
        } catch (Exception e) {
            if (endsQuery.test(e)) {
                throw e;
            }
            LOG.warn("Cannot read the static tables of query {} again; it goes on with the rows it has.", label, e);
            return false;
        } finally {
            lookNanos = System.nanoTime();
        }
        if (next.staticSides().equals(plan.staticSides())) {
            return false;
        }
        LOG.info("A static table of query {} changed; the query goes on with what it holds now.", label);
        plan = next;
        return true;
    }
}
