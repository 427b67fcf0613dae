package dev.millrace.spark.plan;

import dev.millrace.engine.graph.StreamGraph;
import java.util.Map;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.execution.SparkPlan;

/**
 * A query's dataflow and what it was made from.
 *
 * @param graph the dataflow
 * @param optimizedPlan what Spark's optimizer made of the query
 * @param physicalPlan what Spark's planner made of that, with Millrace's own nodes
 * @param isStateful whether the query keeps state
 * @param streamOfStage for the id of each reading stage, the index of its stream in the request
 * @param watermarkDelaysMillis the delay of each {@code withWatermark}, by its name
 * @param noDataRule when a bounded epoch without rows is due
 * @param staticSides what it took from tables that do not stream
 */
public record PlannedQuery(
        StreamGraph graph,
        LogicalPlan optimizedPlan,
        SparkPlan physicalPlan,
        boolean isStateful,
        Map<Integer, Integer> streamOfStage,
        Map<String, Long> watermarkDelaysMillis,
        NoDataRule noDataRule,
        StaticSides staticSides) {
    public PlannedQuery {
        streamOfStage = Map.copyOf(streamOfStage);
        watermarkDelaysMillis = Map.copyOf(watermarkDelaysMillis);
    }

    /** The text of {@code query.explain(extended)}: the dataflow, and when extended also the plans behind it. */
    public String explain(boolean extended) {
        String dataflow = "== Dataflow ==\n" + graph.describe();
        return extended
                ? "== Optimized Logical Plan ==\n%s\n== Physical Plan ==\n%s\n%s"
                        .formatted(optimizedPlan, physicalPlan, dataflow)
                : dataflow;
    }
}
