package dev.millrace.spark.plan;

import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.spark.scala.Scala;
import java.util.ArrayList;
import java.util.List;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.execution.CoalesceExec;
import org.apache.spark.sql.execution.ExecSubqueryExpression;
import org.apache.spark.sql.execution.InputAdapter;
import org.apache.spark.sql.execution.SparkPlan;
import org.apache.spark.sql.execution.UnionExec;
import org.apache.spark.sql.execution.WholeStageCodegenExec;
import org.apache.spark.sql.execution.exchange.ReusedExchangeExec;
import org.apache.spark.sql.execution.exchange.ShuffleExchangeLike;
import org.apache.spark.sql.types.ObjectType;

/** Questions to the nodes of a physical plan. */
final class PhysicalPlans {
    private PhysicalPlans() {}

    /** Whether rows of a stream come out of a node. */
    static boolean reads(SparkPlan node) {
        if (node instanceof SourceExec) {
            return true;
        }
        if (node instanceof ReusedExchangeExec reused) {
            return reads(reused.child());
        }
        return children(node).stream().anyMatch(PhysicalPlans::reads);
    }

    /** Whether a node is more than a stateless piece of a stage. */
    static boolean isBoundary(SparkPlan node) {
        return node instanceof StreamNode
                || node instanceof UnionExec
                || node instanceof CoalesceExec
                || node instanceof ShuffleExchangeLike
                || node instanceof ReusedExchangeExec;
    }

    /**
     * The child that the stream comes from.
     *
     * <p>Errors: UNSUPPORTED_OPERATOR where it comes from several.
     */
    static SparkPlan streamingChild(SparkPlan node) {
        List<SparkPlan> reading =
                children(node).stream().filter(PhysicalPlans::reads).toList();
        if (reading.size() != 1) {
            throw unsupported(node);
        }
        return reading.get(0);
    }

    static MillraceException unsupported(SparkPlan node) {
        return new MillraceException(
                ErrorCode.UNSUPPORTED_OPERATOR,
                "Cannot run an operator on Millrace: operator=%s is not known to answer row by row. Write the query "
                                .formatted(node.nodeName())
                        + "without it, or run it on Spark alone with spark.millrace.enabled=false.");
    }

    static List<SparkPlan> children(SparkPlan node) {
        return Scala.list(node.children());
    }

    /** Whether a node's rows hold objects of the user's instead of bytes. */
    static boolean givesObjects(SparkPlan node) {
        return Scala.list(node.output()).stream().anyMatch(column -> column.dataType() instanceof ObjectType);
    }

    /** The name without the wrappers that code generation adds. */
    static String describe(List<SparkPlan> nodes) {
        List<String> names = new ArrayList<>();
        for (SparkPlan node : nodes) {
            if (!(node instanceof InputAdapter) && !(node instanceof WholeStageCodegenExec)) {
                names.add(node.nodeName());
            }
        }
        return String.join(", ", names);
    }

    /** Computes the subqueries of the streaming nodes, whose code takes their values as constants. */
    static void computeSubqueries(SparkPlan node) {
        if (!reads(node)) {
            return;
        }
        for (Expression expression : Scala.<Expression>list(node.expressions())) {
            expression.foreach(part -> {
                if (part instanceof ExecSubqueryExpression subquery) {
                    subquery.updateResult();
                }
                return scala.runtime.BoxedUnit.UNIT;
            });
        }
        for (SparkPlan child : children(node)) {
            computeSubqueries(child);
        }
    }
}
