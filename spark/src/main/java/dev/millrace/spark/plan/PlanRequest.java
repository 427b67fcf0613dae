package dev.millrace.spark.plan;

import dev.millrace.engine.sink.Sink;
import dev.millrace.engine.source.Source;
import dev.millrace.spark.late.LateRowLayout;
import java.util.List;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.connector.read.streaming.SparkDataStream;
import org.apache.spark.sql.streaming.OutputMode;
import org.jspecify.annotations.Nullable;

/**
 * A query to be planned.
 *
 * @param session the query's own session; its settings are read and not changed
 * @param logicalPlan the analysed plan below the sink, its sources as {@code
 *     StreamLeaf}s
 * @param streams the streams that the plan's relations carry
 * @param sources what reads them, in the same order
 * @param sink where the rows go
 * @param late where rows go that operators drop as late, or null where they are only counted
 * @param outputMode the query's output mode
 * @param keyGroupCount units of state ownership, fixed at the query's first start
 * @param settings what of the query's settings shapes the dataflow
 * @param isFirstStart whether no epoch of the query was ever committed
 */
public record PlanRequest(
        SparkSession session,
        LogicalPlan logicalPlan,
        List<SparkDataStream> streams,
        List<Source> sources,
        Sink sink,
        @Nullable LateRowTarget late,
        OutputMode outputMode,
        int keyGroupCount,
        PlanSettings settings,
        boolean isFirstStart) {
    /**
     * Where late rows go.
     *
     * @param layout what a row of it holds
     */
    public record LateRowTarget(Sink sink, LateRowLayout layout) {}

    public PlanRequest {
        streams = List.copyOf(streams);
        sources = List.copyOf(sources);
        if (streams.size() != sources.size()) {
            throw new IllegalArgumentException(
                    "Cannot plan a query: streams=%d, sources=%d. Give one source for each stream."
                            .formatted(streams.size(), sources.size()));
        }
    }
}
