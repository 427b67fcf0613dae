package dev.millrace.spark.plan;

import dev.millrace.engine.operator.Emission;
import dev.millrace.engine.operator.KeyedAggregateFactory;
import dev.millrace.engine.operator.OperatorFactory;
import dev.millrace.engine.operator.PartialAggregate;
import dev.millrace.engine.snapshot.StateSchema;
import dev.millrace.spark.aggregate.AggregateSpecification;
import dev.millrace.spark.aggregate.AggregateSupplier;
import dev.millrace.spark.scala.Scala;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.catalyst.expressions.NamedExpression;
import org.apache.spark.sql.catalyst.expressions.aggregate.AggregateExpression;
import org.apache.spark.sql.execution.SparkPlan;
import scala.collection.immutable.Seq;

/** Aggregates rows by key, over state. */
public final class KeyedAggregateExec extends KeyedNode {
    private static final long serialVersionUID = 1L;

    private final Seq<AggregateExpression> aggregates;
    private final Seq<NamedExpression> results;
    private final Emission emission;

    public KeyedAggregateExec(
            Seq<Attribute> keys,
            Seq<AggregateExpression> aggregates,
            Seq<NamedExpression> results,
            Emission emission,
            int keyGroupCount,
            SparkPlan child) {
        super(keys, keyGroupCount, child);
        this.aggregates = aggregates;
        this.results = results;
        this.emission = emission;
    }

    Emission emission() {
        return emission;
    }

    @Override
    OperatorFactory operator() {
        return operator(specification());
    }

    private OperatorFactory operator(AggregateSpecification specification) {
        return new KeyedAggregateFactory(
                new AggregateSupplier(specification),
                describe("Aggregate"),
                emission,
                List.of(specification.state(StateSchema.Kind.VALUE, specification.keys())));
    }

    /** Not where each row is to give a result of its own. */
    @Override
    Optional<Halves> halves() {
        AggregateSpecification whole = specification();
        if (emission == Emission.EVERY_CHANGE || !whole.hasHalves()) {
            return Optional.empty();
        }
        AggregateSpecification merging = whole.merging();
        OperatorFactory first =
                new PartialAggregate.Factory(new AggregateSupplier(whole.partial()), describe("PartialAggregate"));
        return Optional.of(new Halves(first, merging.input(), operator(merging)));
    }

    private AggregateSpecification specification() {
        return new AggregateSpecification(
                Scala.list(keys()),
                Scala.list(aggregates),
                Scala.list(results),
                Scala.list(onlyChild().output()));
    }

    private String describe(String operator) {
        StringBuilder functions = new StringBuilder();
        for (AggregateExpression aggregate : Scala.<AggregateExpression>list(aggregates)) {
            functions.append(functions.isEmpty() ? "" : ", ").append(ExpressionText.of(aggregate));
        }
        return "%s[keys=%s, functions=%s]".formatted(operator, names(keys()), functions);
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
    public String nodeName() {
        return "MillraceAggregate";
    }

    @Override
    protected List<Object> fields() {
        return List.of(keys(), aggregates, results, emission, keyGroupCount());
    }

    @Override
    protected SparkPlan over(List<SparkPlan> newChildren) {
        return new KeyedAggregateExec(keys(), aggregates, results, emission, keyGroupCount(), newChildren.get(0));
    }
}
