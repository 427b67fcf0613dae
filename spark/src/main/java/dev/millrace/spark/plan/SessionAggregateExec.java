package dev.millrace.spark.plan;

import dev.millrace.engine.operator.Emission;
import dev.millrace.engine.operator.OperatorFactory;
import dev.millrace.engine.operator.SessionAggregate;
import dev.millrace.engine.snapshot.StateSchema;
import dev.millrace.spark.aggregate.AggregateSpecification;
import dev.millrace.spark.aggregate.AggregateSupplier;
import dev.millrace.spark.key.SessionKeys;
import dev.millrace.spark.scala.Scala;
import java.util.ArrayList;
import java.util.List;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.catalyst.expressions.NamedExpression;
import org.apache.spark.sql.catalyst.expressions.aggregate.AggregateExpression;
import org.apache.spark.sql.execution.SparkPlan;
import scala.collection.immutable.Seq;

/** Aggregates rows by session, over state. Its tasks are spread by the keys without the session. */
public final class SessionAggregateExec extends KeyedNode {
    private static final long serialVersionUID = 1L;

    private final Seq<Attribute> grouping;
    private final Seq<AggregateExpression> aggregates;
    private final Seq<NamedExpression> results;
    private final Emission emission;

    /** @param grouping the keys, among them one session window */
    public SessionAggregateExec(
            Seq<Attribute> grouping,
            Seq<AggregateExpression> aggregates,
            Seq<NamedExpression> results,
            Emission emission,
            int keyGroupCount,
            SparkPlan child) {
        super(Scala.seq(SessionKeys.group(Scala.list(grouping))), keyGroupCount, child);
        this.grouping = grouping;
        this.aggregates = aggregates;
        this.results = results;
        this.emission = emission;
    }

    Emission emission() {
        return emission;
    }

    @Override
    OperatorFactory operator() {
        List<Attribute> keys = Scala.list(grouping);
        AggregateSpecification specification = new AggregateSpecification(
                keys,
                Scala.list(aggregates),
                Scala.list(results),
                Scala.list(onlyChild().output()));
        List<String> functions = new ArrayList<>();
        for (AggregateExpression aggregate : specification.aggregates()) {
            functions.add(ExpressionText.of(aggregate));
        }
        return new SessionAggregate.Factory(
                new AggregateSupplier(specification),
                SessionKeys.over(keys),
                "SessionAggregate[keys=%s, functions=%s]".formatted(names(grouping), String.join(", ", functions)),
                emission,
                List.of(specification.state(StateSchema.Kind.SESSIONS, SessionKeys.group(keys))));
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
        return "MillraceSessionAggregate";
    }

    @Override
    protected List<Object> fields() {
        return List.of(grouping, aggregates, results, emission, keyGroupCount());
    }

    @Override
    protected SparkPlan over(List<SparkPlan> newChildren) {
        return new SessionAggregateExec(grouping, aggregates, results, emission, keyGroupCount(), newChildren.get(0));
    }
}
