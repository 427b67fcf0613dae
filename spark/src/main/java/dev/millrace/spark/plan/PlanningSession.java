package dev.millrace.spark.plan;

import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.internal.SQLConf;
import org.apache.spark.sql.internal.SQLConf$;

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

    static SparkSession of(SparkSession user, int keyGroupCount) {
        SparkSession copy = user.cloneSession();
        SQLConf conf = copy.sessionState().conf();
        conf.setConfString(SQLConf$.MODULE$.ADAPTIVE_EXECUTION_ENABLED().key(), "false");
        conf.setConfString(SQLConf$.MODULE$.CBO_ENABLED().key(), "false");
        conf.setConfString(SQLConf$.MODULE$.REQUIRE_ALL_CLUSTER_KEYS_FOR_DISTRIBUTION().key(), "false");
        conf.setConfString(SQLConf$.MODULE$.SHUFFLE_PARTITIONS().key(), Integer.toString(keyGroupCount));
        conf.setConfString(
                SQLConf$.MODULE$.STATEFUL_SHUFFLE_PARTITIONS_INTERNAL().key(), Integer.toString(keyGroupCount));
        String key = SQLConf$.MODULE$.OPTIMIZER_EXCLUDED_RULES().key();
        String excluded = conf.getConfString(key, "");
        conf.setConfString(key, excluded.isBlank() ? RULES_THAT_DROP_SOURCES : excluded + "," + RULES_THAT_DROP_SOURCES);
        return copy;
    }
}
