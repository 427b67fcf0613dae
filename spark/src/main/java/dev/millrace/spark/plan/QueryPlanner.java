package dev.millrace.spark.plan;

import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.engine.graph.StreamGraph;
import dev.millrace.engine.operator.Emission;
import dev.millrace.spark.scala.Scala;
import dev.millrace.spark.source.StreamLeaf;
import java.util.ArrayList;
import java.util.List;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.catalyst.streaming.StreamingRelationV2;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.connector.read.streaming.SparkDataStream;
import org.apache.spark.sql.execution.SparkPlan;
import org.apache.spark.sql.execution.streaming.runtime.StreamingRelation;
import org.apache.spark.sql.internal.SQLConf$;
import org.apache.spark.sql.streaming.OutputMode;

/** Turns a streaming query into a dataflow, or refuses it by name. Thread: any. */
public final class QueryPlanner {
    private QueryPlanner() {}

    /**
     * Plans a query. Runs Spark jobs when the query reads static data that must be known before it
     * starts. The request's session is not changed.
     *
     * <p>Errors: UNSUPPORTED_OPERATOR, UNSUPPORTED_OUTPUT_MODE, and Spark's own.
     */
    public static PlannedQuery plan(PlanRequest request) {
        check(request.session(), request.logicalPlan(), request.outputMode());
        SparkSession session = PlanningSession.of(
                request.session(),
                request.keyGroupCount(),
                request.logicalPlan().exists(node -> GroupFunctions.isOne((LogicalPlan) node)));
        return PlanningSession.withActive(session, () -> plan(request, session));
    }

    private static PlannedQuery plan(PlanRequest request, SparkSession session) {
        LogicalPlan onSources = (LogicalPlan) request.logicalPlan()
                .transform(Scala.<LogicalPlan>rule(
                        node -> StreamLeaf.of(node).isPresent(),
                        node -> sourceNode(request, StreamLeaf.of(node).orElseThrow())));
        StreamQueryExecution execution = new StreamQueryExecution(
                session,
                onSources,
                new StreamStrategy(request.outputMode(), request.settings().emission(), request.keyGroupCount()));
        SparkPlan physical = execution.executedPlan();
        PhysicalPlans.computeSubqueries(physical);
        GraphBuilder builder = new GraphBuilder(request, session.sessionState().conf());
        StreamGraph graph = builder.build(physical);
        return new PlannedQuery(
                graph,
                execution.optimizedPlan(),
                physical,
                builder.isStateful(),
                builder.streamOfStage(),
                builder.watermarkDelaysMillis(),
                NoDataRules.of(physical, request.outputMode()),
                StaticSides.of(physical));
    }

    private static SourceNode sourceNode(PlanRequest request, StreamLeaf leaf) {
        SparkDataStream stream = leaf.stream();
        for (int i = 0; i < request.streams().size(); i++) {
            if (request.streams().get(i) == stream) {
                return new SourceNode(i, request.sources().get(i).name(), Scala.seq(leaf.output()));
            }
        }
        throw new MillraceException(
                ErrorCode.INVARIANT,
                "Cannot plan the query: stream=%s is not among the request's streams. Report this as a bug."
                        .formatted(stream));
    }

    /**
     * Plans a query whose sources are not read yet as far as Spark's planner and this one go without running
     * anything, and refuses what they refuse.
     *
     * <p>Errors: as {@link #plan}.
     */
    public static void tryOut(SparkSession session, LogicalPlan analyzed, OutputMode outputMode) {
        int keyGroupCount = session.sessionState().conf().numShufflePartitions();
        boolean hasFunctions = analyzed.exists(node -> GroupFunctions.isOne((LogicalPlan) node));
        SparkSession planning = PlanningSession.of(session, keyGroupCount, hasFunctions);
        PlanningSession.withActive(planning, () -> {
            List<LogicalPlan> sources = new ArrayList<>();
            LogicalPlan onSources = (LogicalPlan) analyzed.transform(Scala.<LogicalPlan>rule(
                    node -> node instanceof StreamingRelation || node instanceof StreamingRelationV2,
                    node -> unreadSource(node, sources)));
            StreamQueryExecution execution = new StreamQueryExecution(
                    planning, onSources, new StreamStrategy(outputMode, Emission.PER_EPOCH, keyGroupCount));
            GraphBuilder.check(execution.executedPlan());
            return true;
        });
    }

    private static SourceNode unreadSource(LogicalPlan relation, List<LogicalPlan> sources) {
        int index = sources.indexOf(relation);
        if (index < 0) {
            index = sources.size();
            sources.add(relation);
        }
        return new SourceNode(index, relation.nodeName(), Scala.cast(relation.output()));
    }

    /**
     * Refuses a query whose logical plan shows that it cannot run, before sources and checkpoint are
     * touched. The plan may still hold unread streaming relations.
     *
     * <p>Errors: UNSUPPORTED_OPERATOR, UNSUPPORTED_OUTPUT_MODE.
     */
    public static void check(SparkSession session, LogicalPlan analyzed, OutputMode outputMode) {
        SQLConf$.MODULE$.withExistingConf(session.sessionState().conf(), () -> {
            OperatorCheck.check(analyzed, outputMode);
            return true;
        });
    }
}
