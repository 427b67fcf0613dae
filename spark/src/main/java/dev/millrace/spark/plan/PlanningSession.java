package dev.millrace.spark.plan;

import java.util.function.Supplier;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.internal.SQLConf;
import org.apache.spark.sql.internal.SQLConf$;
import scala.Option;

/**
 * A session to plan a query in: a copy of the user's, with the settings that Spark itself makes for a
 * stream and those that a plan which never ends needs.
 */
final class PlanningSession {
    /** They would plan a source away where they see that no row can pass; it must be read all the same. */
    private static final String RULES_THAT_DROP_SOURCES =
            "org.apache.spark.sql.catalyst.optimizer.PropagateEmptyRelation,"
                    + "org.apache.spark.sql.catalyst.optimizer.PruneFilters";

    private PlanningSession() {}

    /** It would hand the user's objects from one function to the next, where the engine hands on rows. */
    private static final String RULE_THAT_DROPS_ROWS = "org.apache.spark.sql.catalyst.optimizer.EliminateSerialization";

    /** @param hasGroupFunctions whether the query to plan has user code over keyed state */
    static SparkSession of(SparkSession user, int keyGroupCount, boolean hasGroupFunctions) {
        SparkSession copy = user.cloneSession();
        SQLConf conf = copy.sessionState().conf();
        conf.setConfString(SQLConf$.MODULE$.ADAPTIVE_EXECUTION_ENABLED().key(), "false");
        conf.setConfString(SQLConf$.MODULE$.CBO_ENABLED().key(), "false");
        conf.setConfString(
                SQLConf$.MODULE$.REQUIRE_ALL_CLUSTER_KEYS_FOR_DISTRIBUTION().key(), "false");
        conf.setConfString(SQLConf$.MODULE$.SHUFFLE_PARTITIONS().key(), Integer.toString(keyGroupCount));
        conf.setConfString(
                SQLConf$.MODULE$.STATEFUL_SHUFFLE_PARTITIONS_INTERNAL().key(), Integer.toString(keyGroupCount));
        // Several inputs to one stage are a union already, and a filter built from a stream never ends.
        conf.setConfString(SQLConf$.MODULE$.WHOLESTAGE_UNION_CODEGEN_ENABLED().key(), "false");
        conf.setConfString(SQLConf$.MODULE$.RUNTIME_BLOOM_FILTER_ENABLED().key(), "false");
        exclude(conf, RULES_THAT_DROP_SOURCES);
        if (hasGroupFunctions) {
            exclude(conf, RULE_THAT_DROPS_ROWS);
        }
        return copy;
    }

    private static void exclude(SQLConf conf, String rules) {
        String key = SQLConf$.MODULE$.OPTIMIZER_EXCLUDED_RULES().key();
        String excluded = conf.getConfString(key, "");
        conf.setConfString(key, excluded.isBlank() ? rules : excluded + "," + rules);
    }

    /** Runs a body with a session active on this thread, as Spark's planner expects. */
    static <T> T withActive(SparkSession session, Supplier<T> body) {
        Option<org.apache.spark.sql.SparkSession> before = org.apache.spark.sql.SparkSession.getActiveSession();
        org.apache.spark.sql.SparkSession.setActiveSession(session);
        try {
            return body.get();
        } finally {
            if (before.isDefined()) {
                org.apache.spark.sql.SparkSession.setActiveSession(before.get());
            } else {
                org.apache.spark.sql.SparkSession.clearActiveSession();
            }
        }
    }
}
