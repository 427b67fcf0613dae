package dev.millrace.spark.plan;

import dev.millrace.spark.function.FunctionSpecification;
import dev.millrace.spark.scala.Scala;
import java.util.List;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.plans.physical.Distribution;
import org.apache.spark.sql.catalyst.plans.physical.Partitioning;
import org.apache.spark.sql.catalyst.plans.physical.StatefulOpClusteredDistribution;
import org.apache.spark.sql.catalyst.plans.physical.UnknownPartitioning;
import org.apache.spark.sql.catalyst.plans.physical.UnspecifiedDistribution$;
import org.apache.spark.sql.catalyst.types.DataTypeUtils$;
import org.apache.spark.sql.execution.SparkPlan;
import scala.collection.immutable.Seq;

/**
 * Calls the user's code with the rows of each key, over state. The first child is the stream, the second
 * the static plan of the state to begin with, which is empty where there is none.
 */
public final class GroupFunctionExec extends StreamNode {
    private static final long serialVersionUID = 1L;

    private final FunctionSpecification specification;
    private final Seq<Attribute> grouping;
    private final Seq<Attribute> output;
    private final int keyGroupCount;

    public GroupFunctionExec(
            FunctionSpecification specification,
            Seq<Attribute> grouping,
            Seq<Attribute> output,
            int keyGroupCount,
            SparkPlan stream,
            SparkPlan initialState) {
        super(List.of(stream, initialState));
        this.specification = specification;
        this.grouping = grouping;
        this.output = output;
        this.keyGroupCount = keyGroupCount;
    }

    FunctionSpecification specification() {
        return specification;
    }

    Seq<Attribute> grouping() {
        return grouping;
    }

    String describe() {
        String keys = DataTypeUtils$.MODULE$.fromAttributes(grouping).catalogString();
        return "%s[keys=%s, %s]".formatted(specification.name(), keys, specification.describe());
    }

    @Override
    public Seq<Attribute> output() {
        return output;
    }

    @Override
    public Seq<Distribution> requiredChildDistribution() {
        Distribution byKey = new StatefulOpClusteredDistribution(Scala.<Seq<Expression>>cast(grouping), keyGroupCount);
        return Scala.seq(byKey, UnspecifiedDistribution$.MODULE$);
    }

    /** Rows hold what the user's code made of them. */
    @Override
    public Partitioning outputPartitioning() {
        return new UnknownPartitioning(keyGroupCount);
    }

    @Override
    public String nodeName() {
        return "MillraceGroupFunction";
    }

    @Override
    protected List<Object> fields() {
        return List.of(specification, grouping, output, keyGroupCount);
    }

    @Override
    protected SparkPlan over(List<SparkPlan> newChildren) {
        return new GroupFunctionExec(
                specification, grouping, output, keyGroupCount, newChildren.get(0), newChildren.get(1));
    }
}
