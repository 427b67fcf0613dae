package dev.millrace.spark.plan;

import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.spark.scala.Scala;
import java.util.List;
import org.apache.spark.rdd.RDD;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.catalyst.expressions.AttributeSet;
import org.apache.spark.sql.catalyst.expressions.AttributeSet$;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.plans.physical.Partitioning;
import org.apache.spark.sql.catalyst.plans.physical.UnknownPartitioning;
import org.apache.spark.sql.execution.SparkPlan;
import scala.collection.immutable.IndexedSeq;
import scala.collection.immutable.Seq;

/**
 * A physical node of Millrace's own: it carries a specification and the distribution that it needs
 * through Spark's planner, and never runs there. Its fields are the constructor's arguments in
 * their order, the children last, as Spark's trees demand.
 */
public abstract class StreamNode extends SparkPlan {
    private static final long serialVersionUID = 1L;

    private final Seq<SparkPlan> children;

    protected StreamNode(List<SparkPlan> children) {
        this.children = Scala.seq(children);
    }

    /** The constructor's arguments but the children, in their order. */
    protected abstract List<Object> fields();

    /** The same node over other children. */
    protected abstract SparkPlan over(List<SparkPlan> newChildren);

    /** Without it, expressions among the fields count as input that is missing. */
    @Override
    public AttributeSet producedAttributes() {
        return AttributeSet$.MODULE$.apply(Scala.<Seq<Expression>>cast(output()));
    }

    @Override
    public Seq<SparkPlan> children() {
        return children;
    }

    protected final SparkPlan onlyChild() {
        return children.head();
    }

    @Override
    public Partitioning outputPartitioning() {
        return children.isEmpty() ? new UnknownPartitioning(0) : onlyChild().outputPartitioning();
    }

    @Override
    public SparkPlan withNewChildrenInternal(IndexedSeq<SparkPlan> newChildren) {
        return over(Scala.list(newChildren));
    }

    @Override
    public RDD<InternalRow> doExecute() {
        throw new MillraceException(
                ErrorCode.INVARIANT,
                "Cannot run a node by itself: node=%s is part of a dataflow. Report this as a bug."
                        .formatted(nodeName()));
    }

    @Override
    public boolean canEqual(Object other) {
        return other != null && other.getClass() == getClass();
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof StreamNode node
                && node.getClass() == getClass()
                && node.fields().equals(fields())
                && node.children.equals(children);
    }

    @Override
    public int hashCode() {
        return 31 * fields().hashCode() + children.hashCode();
    }

    @Override
    public int productArity() {
        return fields().size() + children.size();
    }

    @Override
    public Object productElement(int index) {
        List<Object> fields = fields();
        return index < fields.size() ? fields.get(index) : children.apply(index - fields.size());
    }

    /** The names of attributes, for {@code explain}. */
    protected static String names(Seq<? extends Attribute> attributes) {
        StringBuilder text = new StringBuilder();
        for (Attribute attribute : Scala.<Attribute>list(attributes)) {
            text.append(text.isEmpty() ? "" : ", ").append(attribute.name());
        }
        return text.toString();
    }
}
