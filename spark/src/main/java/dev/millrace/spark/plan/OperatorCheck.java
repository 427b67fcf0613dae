package dev.millrace.spark.plan;

import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.spark.key.SessionKeys;
import dev.millrace.spark.scala.Scala;
import java.util.List;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.PythonFuncExpression;
import org.apache.spark.sql.catalyst.expressions.SubqueryExpression;
import org.apache.spark.sql.catalyst.expressions.aggregate.AggregateExpression;
import org.apache.spark.sql.catalyst.plans.logical.Aggregate;
import org.apache.spark.sql.catalyst.plans.logical.AppendColumns;
import org.apache.spark.sql.catalyst.plans.logical.AppendColumnsWithObject;
import org.apache.spark.sql.catalyst.plans.logical.CTERelationDef;
import org.apache.spark.sql.catalyst.plans.logical.CTERelationRef;
import org.apache.spark.sql.catalyst.plans.logical.CollectMetrics;
import org.apache.spark.sql.catalyst.plans.logical.Deduplicate;
import org.apache.spark.sql.catalyst.plans.logical.DeduplicateWithinWatermark;
import org.apache.spark.sql.catalyst.plans.logical.DeserializeToObject;
import org.apache.spark.sql.catalyst.plans.logical.Distinct;
import org.apache.spark.sql.catalyst.plans.logical.EventTimeWatermark;
import org.apache.spark.sql.catalyst.plans.logical.Expand;
import org.apache.spark.sql.catalyst.plans.logical.Filter;
import org.apache.spark.sql.catalyst.plans.logical.Generate;
import org.apache.spark.sql.catalyst.plans.logical.GlobalLimit;
import org.apache.spark.sql.catalyst.plans.logical.Join;
import org.apache.spark.sql.catalyst.plans.logical.LocalLimit;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.catalyst.plans.logical.MapElements;
import org.apache.spark.sql.catalyst.plans.logical.MapPartitions;
import org.apache.spark.sql.catalyst.plans.logical.Offset;
import org.apache.spark.sql.catalyst.plans.logical.Project;
import org.apache.spark.sql.catalyst.plans.logical.RebalancePartitions;
import org.apache.spark.sql.catalyst.plans.logical.Repartition;
import org.apache.spark.sql.catalyst.plans.logical.RepartitionByExpression;
import org.apache.spark.sql.catalyst.plans.logical.ResolvedHint;
import org.apache.spark.sql.catalyst.plans.logical.SerializeFromObject;
import org.apache.spark.sql.catalyst.plans.logical.Sort;
import org.apache.spark.sql.catalyst.plans.logical.SubqueryAlias;
import org.apache.spark.sql.catalyst.plans.logical.TypedFilter;
import org.apache.spark.sql.catalyst.plans.logical.Union;
import org.apache.spark.sql.catalyst.plans.logical.UpdateEventTimeWatermarkColumn;
import org.apache.spark.sql.catalyst.plans.logical.View;
import org.apache.spark.sql.catalyst.plans.logical.WithCTE;
import org.apache.spark.sql.catalyst.streaming.StreamingRelationV2;
import org.apache.spark.sql.execution.datasources.v2.StreamingDataSourceV2Relation;
import org.apache.spark.sql.execution.datasources.v2.StreamingDataSourceV2ScanRelation;
import org.apache.spark.sql.execution.streaming.runtime.StreamingExecutionRelation;
import org.apache.spark.sql.execution.streaming.runtime.StreamingRelation;
import org.apache.spark.sql.streaming.OutputMode;

/**
 * Refuses what a streaming query's logical plan holds and Millrace does not run, by name. It is a list
 * of what runs: a node that it does not know is refused. Static parts of the plan are Spark's business.
 */
final class OperatorCheck {
    private static final String WITHOUT_MILLRACE =
            "or run the query on Spark alone, with another trigger or with spark.millrace.enabled=false";

    private final OutputMode outputMode;
    private int aggregateCount;

    private OperatorCheck(OutputMode outputMode) {
        this.outputMode = outputMode;
    }

    /** Errors: UNSUPPORTED_OPERATOR, UNSUPPORTED_OUTPUT_MODE. */
    static void check(LogicalPlan plan, OutputMode outputMode) {
        OperatorCheck check = new OperatorCheck(outputMode);
        check.visit(plan, false);
        check.checkModes();
    }

    private void checkModes() {
        if (outputMode.equals(OutputMode.Complete()) && aggregateCount == 0) {
            throw new MillraceException(
                    ErrorCode.UNSUPPORTED_OUTPUT_MODE,
                    "Cannot run the query on Millrace: outputMode=%s, streaming aggregations=0. ".formatted(outputMode)
                            + "Use outputMode(\"append\") or outputMode(\"update\"), %s.".formatted(WITHOUT_MILLRACE));
        }
    }

    private void visit(LogicalPlan node, boolean isBelowAggregate) {
        if (!node.isStreaming()) {
            return;
        }
        checkExpressions(node);
        checkNode(node, isBelowAggregate);
        boolean isAggregate = node instanceof Aggregate || node instanceof Distinct;
        for (LogicalPlan child : Scala.<LogicalPlan>list(node.children())) {
            visit(child, isBelowAggregate || isAggregate);
        }
    }

    private void checkNode(LogicalPlan node, boolean isBelowAggregate) {
        if (node instanceof Aggregate aggregate) {
            checkBelow(aggregate, isBelowAggregate);
            checkAggregate(aggregate);
            checkSessions(aggregate);
        } else if (node instanceof Distinct) {
            checkBelow(node, isBelowAggregate);
        } else if (node instanceof EventTimeWatermark watermark) {
            checkWatermark(watermark);
        } else if (node instanceof Union union) {
            checkUnion(union);
        } else if (node instanceof Sort) {
            checkSort(node);
        } else if (node instanceof GlobalLimit || node instanceof LocalLimit) {
            checkLimit(node);
        } else if (!runs(node)) {
            refuse(node);
        }
    }

    private static boolean runs(LogicalPlan node) {
        return isSource(node)
                || node instanceof Project
                || node instanceof Filter
                || node instanceof SubqueryAlias
                || node instanceof View
                || node instanceof ResolvedHint
                || node instanceof Join
                || node instanceof Generate
                || node instanceof Deduplicate
                || node instanceof DeduplicateWithinWatermark
                || node instanceof Expand
                || node instanceof Repartition
                || (node instanceof RepartitionByExpression by && !isByRange(by))
                || node instanceof RebalancePartitions
                || node instanceof DeserializeToObject
                || node instanceof SerializeFromObject
                || node instanceof MapElements
                || node instanceof MapPartitions
                || node instanceof TypedFilter
                || node instanceof AppendColumns
                || node instanceof AppendColumnsWithObject
                || node instanceof UpdateEventTimeWatermarkColumn
                || node instanceof CollectMetrics
                || GroupFunctions.isOne(node)
                || node instanceof WithCTE
                || node instanceof CTERelationDef
                || node instanceof CTERelationRef;
    }

    /** A source, before its stream is made and after. */
    private static boolean isSource(LogicalPlan node) {
        return node instanceof SourceNode
                || node instanceof StreamingDataSourceV2ScanRelation
                || node instanceof StreamingDataSourceV2Relation
                || node instanceof StreamingRelationV2
                || node instanceof StreamingRelation
                || node instanceof StreamingExecutionRelation;
    }

    private static boolean isByRange(RepartitionByExpression node) {
        for (Expression expression : Scala.<Expression>list(node.partitionExpressions())) {
            if (expression instanceof org.apache.spark.sql.catalyst.expressions.SortOrder) {
                return true;
            }
        }
        return false;
    }

    /** Spark takes {@code distinct} for an aggregation, and so do its output modes. */
    private void checkBelow(LogicalPlan aggregate, boolean isBelowAggregate) {
        aggregateCount++;
        if (isBelowAggregate && !outputMode.equals(OutputMode.Append())) {
            throw unsupported(
                    aggregate,
                    "aggregation over an aggregation",
                    "outputMode=%s, in which the second would count each new result of the first as one more row"
                            .formatted(outputMode),
                    "Use outputMode(\"append\"), or aggregate once");
        }
    }

    private static void checkAggregate(Aggregate aggregate) {
        if (MovingTime.isGroupedByTime(aggregate)) {
            throw unsupported(
                    aggregate,
                    "grouping by the present time",
                    "current_timestamp moves with the query",
                    "Add it as a column first, with withColumn, and group by that column");
        }
        List<Expression> results =
                Scala.list(Scala.<scala.collection.immutable.Seq<Expression>>cast(aggregate.aggregateExpressions()));
        for (Expression result : results) {
            if (result.exists(part -> part instanceof AggregateExpression function && function.isDistinct())) {
                throw unsupported(
                        aggregate,
                        "distinct aggregates",
                        "expression=" + result.sql(),
                        "Use approx_count_distinct, or collect_set with size()");
            }
        }
    }

    /** Spark refuses the same, in an update mode before a query starts and for want of keys as it runs. */
    private void checkSessions(Aggregate aggregate) {
        List<Expression> keys = Scala.list(aggregate.groupingExpressions());
        if (keys.stream().noneMatch(OperatorCheck::isSessionWindow)) {
            return;
        }
        if (keys.size() == 1) {
            throw unsupported(
                    aggregate,
                    "session windows without keys",
                    "grouping=" + keys.get(0).sql(),
                    "Group by a column beside the session_window");
        }
        if (outputMode.equals(OutputMode.Update())) {
            throw unsupported(
                    aggregate,
                    "session windows in update mode",
                    "outputMode=%s, in which a session that was given may become part of another".formatted(outputMode),
                    "Use outputMode(\"append\")");
        }
    }

    private static boolean isSessionWindow(Expression key) {
        return key instanceof Attribute column && SessionKeys.isSessionWindow(column);
    }

    private static void checkWatermark(EventTimeWatermark watermark) {
        boolean isOverOther = watermark.child().exists(below -> below instanceof EventTimeWatermark);
        if (isOverOther) {
            throw unsupported(
                    watermark,
                    "a second watermark on the same rows",
                    "column=" + watermark.eventTime().name(),
                    "Call withWatermark once per source");
        }
    }

    /** Only a whole table has an end behind which it can be sorted. */
    private void checkSort(LogicalPlan node) {
        boolean ofTables = outputMode.equals(OutputMode.Complete())
                && node.exists(below -> below instanceof Aggregate && below.isStreaming());
        if (!ofTables) {
            throw unsupported(
                    node,
                    "a sort of a stream",
                    "outputMode=%s, operator=%s".formatted(outputMode, node.nodeName()),
                    "Sort the result of an aggregation with outputMode(\"complete\"), or remove it");
        }
    }

    private void checkLimit(LogicalPlan node) {
        if (outputMode.equals(OutputMode.Update())) {
            throw unsupported(
                    node,
                    "a limit on a stream",
                    "outputMode=%s, operator=%s".formatted(outputMode, node.nodeName()),
                    "Use outputMode(\"append\"), or remove it");
        }
    }

    private static void checkUnion(Union union) {
        for (LogicalPlan child : Scala.<LogicalPlan>list(union.children())) {
            if (!child.isStreaming()) {
                throw unsupported(
                        union, "a union of a stream and a table", "child=" + child.nodeName(), "Union streams only");
            }
        }
    }

    private static void checkExpressions(LogicalPlan node) {
        for (Expression expression : Scala.<Expression>list(node.expressions())) {
            var python = expression.find(part -> part instanceof PythonFuncExpression);
            if (python.isDefined()) {
                throw unsupported(
                        node,
                        "Python functions",
                        "function=" + python.get(),
                        "Use Spark's own functions or a function in Java or Scala");
            }
            var subquery = expression.find(part ->
                    part instanceof SubqueryExpression query && query.plan().isStreaming());
            if (subquery.isDefined()) {
                throw unsupported(
                        node,
                        "a subquery over a stream",
                        "expression=" + subquery.get(),
                        "Read it from a static table");
            }
        }
    }

    private static void refuse(LogicalPlan node) {
        String name = node.nodeName();
        if (node instanceof Offset) {
            throw unsupported(node, "an offset on a stream", "operator=" + name, "Remove it");
        }
        if (List.of("MapGroups", "CoGroup").contains(name)) {
            throw unsupported(node, "user code over whole groups", "operator=" + name, "Use flatMapGroupsWithState");
        }
        throw unsupported(node, "an operator", "operator=" + name, "Remove it");
    }

    private static MillraceException unsupported(LogicalPlan node, String what, String fact, String instead) {
        return new MillraceException(
                ErrorCode.UNSUPPORTED_OPERATOR,
                "Cannot run %s on Millrace: %s, node=%s. %s, %s."
                        .formatted(what, fact, node.simpleString(10), instead, WITHOUT_MILLRACE));
    }
}
