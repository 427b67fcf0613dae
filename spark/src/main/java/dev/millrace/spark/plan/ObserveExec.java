package dev.millrace.spark.plan;

import dev.millrace.engine.operator.OperatorFactory;
import dev.millrace.spark.aggregate.AggregateSpecification;
import dev.millrace.spark.aggregate.Observation;
import dev.millrace.spark.scala.Scala;
import java.util.List;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.catalyst.expressions.NamedExpression;
import org.apache.spark.sql.catalyst.expressions.aggregate.AggregateExpression;
import org.apache.spark.sql.execution.SparkPlan;
import scala.collection.immutable.Seq;

/** Makes metrics of the rows that pass. */
public final class ObserveExec extends StreamNode {
    private static final long serialVersionUID = 1L;

    private final String name;
    private final Seq<AggregateExpression> aggregates;
    private final Seq<NamedExpression> metrics;

    public ObserveExec(
            String name, Seq<AggregateExpression> aggregates, Seq<NamedExpression> metrics, SparkPlan child) {
        super(List.of(child));
        this.name = name;
        this.aggregates = aggregates;
        this.metrics = metrics;
    }

    OperatorFactory operator() {
        return new Observation(
                name,
                new AggregateSpecification(
                        List.of(),
                        Scala.list(aggregates),
                        Scala.list(metrics),
                        Scala.list(onlyChild().output())));
    }

    @Override
    public Seq<Attribute> output() {
        return onlyChild().output();
    }

    @Override
    public String nodeName() {
        return "MillraceObserve";
    }

    @Override
    protected List<Object> fields() {
        return List.of(name, aggregates, metrics);
    }

    @Override
    protected SparkPlan over(List<SparkPlan> newChildren) {
        return new ObserveExec(name, aggregates, metrics, newChildren.get(0));
    }
}
