package dev.millrace.spark.plan;

import dev.millrace.spark.aggregate.AggregateSpecification;
import dev.millrace.spark.scala.Scala;
import java.util.ArrayList;
import java.util.List;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.NamedExpression;
import org.apache.spark.sql.catalyst.expressions.aggregate.AggregateExpression;
import org.apache.spark.sql.catalyst.plans.physical.AllTuples$;
import org.apache.spark.sql.catalyst.plans.physical.Distribution;
import org.apache.spark.sql.catalyst.plans.physical.Partitioning;
import org.apache.spark.sql.catalyst.plans.physical.StatefulOpClusteredDistribution;
import org.apache.spark.sql.catalyst.plans.physical.UnknownPartitioning;
import org.apache.spark.sql.execution.SparkPlan;
import scala.collection.immutable.Seq;

/** Aggregates rows by key, over state. */
public final class KeyedAggregateExec extends StreamNode {
    private static final long serialVersionUID = 1L;

    private final Seq<Attribute> keys;
    private final Seq<AggregateExpression> aggregates;
    private final Seq<NamedExpression> results;
    private final int keyGroupCount;

    public KeyedAggregateExec(
            Seq<Attribute> keys,
            Seq<AggregateExpression> aggregates,
            Seq<NamedExpression> results,
            int keyGroupCount,
            SparkPlan child) {
        super(List.of(child));
        this.keys = keys;
        this.aggregates = aggregates;
        this.results = results;
        this.keyGroupCount = keyGroupCount;
    }

    Seq<Attribute> keys() {
        return keys;
    }

    /** What an operator needs to do this node's work over its child's rows. */
    AggregateSpecification specification() {
        return new AggregateSpecification(
                Scala.list(keys),
                Scala.list(aggregates),
                Scala.list(results),
                Scala.list(onlyChild().output()));
    }

    String describe() {
        StringBuilder functions = new StringBuilder();
        for (AggregateExpression aggregate : Scala.<AggregateExpression>list(aggregates)) {
            functions.append(functions.isEmpty() ? "" : ", ").append(aggregate.sql());
        }
        return "Aggregate[keys=%s, functions=%s]".formatted(names(keys), functions);
    }

    @Override
    public Seq<Attribute> output() {
        List<Attribute> output = new ArrayList<>();
        for (NamedExpression result : Scala.<NamedExpression>list(results)) {
            output.add(result.toAttribute());
        }
        return Scala.seq(output);
    }

    @Override
    public Seq<Distribution> requiredChildDistribution() {
        Distribution required = keys.isEmpty()
                ? AllTuples$.MODULE$
                : new StatefulOpClusteredDistribution(Scala.<Seq<Expression>>cast(keys), keyGroupCount);
        return Scala.seq(required);
    }

    /** The results may not hold the keys, so nothing above may build on how the rows are spread. */
    @Override
    public Partitioning outputPartitioning() {
        return new UnknownPartitioning(keyGroupCount);
    }

    @Override
    public String nodeName() {
        return "MillraceAggregate";
    }

    @Override
    protected List<Object> fields() {
        return List.of(keys, aggregates, results, keyGroupCount);
    }

    @Override
    protected SparkPlan over(List<SparkPlan> newChildren) {
        return new KeyedAggregateExec(keys, aggregates, results, keyGroupCount, newChildren.get(0));
    }
}
