package dev.millrace.spark.metrics;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.WeakHashMap;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkContext;
import org.jspecify.annotations.Nullable;

/**
 * The real-time queries of one application: those that run, and some that have ended.
 *
 * <p>Thread: any. Bounds: {@code spark.sql.streaming.ui.retainedQueries} that have ended.
 */
public final class QueryRegistry {
    private static final String RETAINED = "spark.sql.streaming.ui.retainedQueries";
    private static final int RETAINED_DEFAULT = 100;
    private static final Map<SparkContext, QueryRegistry> ALL = Collections.synchronizedMap(new WeakHashMap<>());

    private final int retained;
    private final List<QueryFigures> queries = new ArrayList<>();

    QueryRegistry(int retained) {
        this.retained = retained;
    }

    /** The one of an application. */
    public static QueryRegistry of(SparkContext spark) {
        return ALL.computeIfAbsent(spark, context -> new QueryRegistry(retained(context.conf())));
    }

    /** How many queries that have ended an application shows. */
    public static int retained(SparkConf conf) {
        return conf.getInt(RETAINED, RETAINED_DEFAULT);
    }

    /** A run begins. */
    public synchronized void add(QueryFigures query) {
        queries.add(query);
        List<QueryFigures> ended =
                queries.stream().filter(one -> !one.isActive()).toList();
        if (ended.size() > retained) {
            queries.removeAll(ended.subList(0, ended.size() - retained));
        }
    }

    /** All runs, the newest first. */
    public synchronized List<QueryFigures> all() {
        List<QueryFigures> newestFirst = new ArrayList<>(queries);
        Collections.reverse(newestFirst);
        return newestFirst;
    }

    /** The run of that id, or null. */
    public synchronized @Nullable QueryFigures find(UUID runId) {
        return queries.stream()
                .filter(query -> query.identity().runId().equals(runId))
                .findFirst()
                .orElse(null);
    }
}
