package dev.millrace.spark.fragment;

import dev.millrace.spark.scala.Scala;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.catalyst.expressions.AttributeReference;
import org.apache.spark.sql.catalyst.expressions.Cast;
import org.apache.spark.sql.catalyst.expressions.ExprId;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.IsNotNull;
import org.apache.spark.sql.catalyst.expressions.IsNull;
import org.apache.spark.sql.execution.FilterExec;
import org.apache.spark.sql.execution.InputAdapter;
import org.apache.spark.sql.execution.ProjectExec;
import org.apache.spark.sql.execution.SparkPlan;
import org.apache.spark.sql.execution.WholeStageCodegenExec;
import org.apache.spark.sql.types.BinaryType;
import org.apache.spark.sql.types.DataTypes;

/**
 * Has generated code take a binary column as text where it does nothing but cast it to text. A row holds both in the same
 * way, and the cast takes the bytes as they are; but generated code copies a binary column out of its row and lets text
 * lie there. The texts of a message broker, whose format knows bytes alone, are so spared a copy each.
 *
 * <p>Thread: the query's. Source: Spark's Cast and ToStringBase.
 */
final class TextColumns {
    private TextColumns() {}

    /** The stage over such columns as texts, or itself. Only filters and projections are looked through. */
    static WholeStageCodegenExec in(WholeStageCodegenExec stage, InputAdapter input) {
        Set<ExprId> texts = new HashSet<>();
        Set<ExprId> others = new HashSet<>();
        boolean isProjected = false; // Else all columns are given on as they are.
        for (SparkPlan node = stage.child();
                node != input;
                node = children(node).get(0)) {
            if (!(node instanceof ProjectExec || node instanceof FilterExec)) {
                return stage;
            }
            isProjected |= node instanceof ProjectExec;
            Scala.<Expression>list(node.expressions()).forEach(part -> sort(part, texts, others));
        }
        texts.removeAll(others);
        // Bytes that an expression of the stage makes stay bytes.
        texts.retainAll(Scala.<Attribute>list(input.output()).stream()
                .map(Attribute::exprId)
                .toList());
        if (!isProjected || texts.isEmpty()) {
            return stage;
        }
        List<Attribute> columns = new ArrayList<>();
        for (Attribute column : Scala.<Attribute>list(input.output())) {
            columns.add(texts.contains(column.exprId()) ? column.withDataType(DataTypes.StringType) : column);
        }
        SparkPlan leaf = new InputAdapter(new PulledInputExec(Scala.seq(columns)));
        return (WholeStageCodegenExec) replaced(stage, input, leaf, texts);
    }

    /** Sorts columns into those that are cast to text, and those that are used as they are. */
    private static void sort(Expression expression, Set<ExprId> texts, Set<ExprId> others) {
        if (isText(expression)) {
            texts.add(column(expression).exprId());
        } else if (isNullCheck(expression)) {
            return; // As good of a text, and what the optimiser adds to many a filter.
        } else if (expression instanceof Attribute column) {
            others.add(column.exprId());
        } else {
            Scala.<Expression>list(expression.children()).forEach(part -> sort(part, texts, others));
        }
    }

    private static boolean isText(Expression expression) {
        return expression instanceof Cast cast
                && cast.dataType().equals(DataTypes.StringType)
                && cast.child() instanceof AttributeReference column
                && column.dataType() instanceof BinaryType;
    }

    private static AttributeReference column(Expression text) {
        return (AttributeReference) ((Cast) text).child();
    }

    private static SparkPlan replaced(SparkPlan node, SparkPlan input, SparkPlan leaf, Set<ExprId> texts) {
        if (node == input) {
            return leaf;
        }
        SparkPlan child = replaced(children(node).get(0), input, leaf, texts);
        SparkPlan over = (SparkPlan) node.withNewChildren(Scala.seq(List.of(child)));
        return (SparkPlan) over.transformExpressions(Scala.<Expression>rule(
                part -> part instanceof AttributeReference column ? isBytes(column, texts) : isText(part, texts),
                part -> (part instanceof AttributeReference column ? column : column(part))
                        .withDataType(DataTypes.StringType)));
    }

    private static boolean isText(Expression expression, Set<ExprId> texts) {
        return isText(expression) && texts.contains(column(expression).exprId());
    }

    private static boolean isBytes(AttributeReference column, Set<ExprId> texts) {
        return column.dataType() instanceof BinaryType && texts.contains(column.exprId());
    }

    private static boolean isNullCheck(Expression expression) {
        return (expression instanceof IsNotNull given && given.child() instanceof Attribute)
                || (expression instanceof IsNull missing && missing.child() instanceof Attribute);
    }

    private static List<SparkPlan> children(SparkPlan node) {
        return Scala.list(Scala.<scala.collection.immutable.Seq<SparkPlan>>cast(node.children()));
    }
}
