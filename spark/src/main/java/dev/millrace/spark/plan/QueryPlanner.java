package dev.millrace.spark.plan;

import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.streaming.OutputMode;

/** Turns a streaming query into a dataflow, or refuses it by name. Thread: any. */
public final class QueryPlanner {
    private QueryPlanner() {}

    /**
     * Plans a query. Runs Spark jobs when the query reads static data that must be known before it
     * starts.
     *
     * <p>Errors: UNSUPPORTED_OPERATOR, UNSUPPORTED_OUTPUT_MODE, UNSUPPORTED_SETTING.
     */
    public static PlannedQuery plan(PlanRequest request) {
        throw new UnsupportedOperationException(request.outputMode().toString());
    }

    /**
     * Refuses a query whose logical plan shows that it cannot run, before sources and checkpoint are
     * touched. The plan may still hold unread streaming relations.
     *
     * <p>Errors: UNSUPPORTED_OPERATOR, UNSUPPORTED_OUTPUT_MODE, UNSUPPORTED_SETTING.
     */
    public static void check(SparkSession session, LogicalPlan analyzed, OutputMode outputMode) {}
}
