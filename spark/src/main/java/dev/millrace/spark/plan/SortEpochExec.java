package dev.millrace.spark.plan;

import dev.millrace.engine.operator.EpochSort;
import dev.millrace.engine.operator.OperatorFactory;
import dev.millrace.spark.scala.Scala;
import java.util.ArrayList;
import java.util.List;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.catalyst.expressions.SortOrder;
import org.apache.spark.sql.execution.SparkPlan;
import scala.collection.immutable.Seq;

/** Gives the rows of each epoch in order, all or the first of them. */
public final class SortEpochExec extends KeyedNode {
    private static final long serialVersionUID = 1L;

    private final Seq<SortOrder> order;
    private final int limit;

    /** @param limit rows of an epoch to give at most, or {@link EpochSort#ALL} */
    public SortEpochExec(Seq<SortOrder> order, int limit, int keyGroupCount, SparkPlan child) {
        super(Scala.emptySeq(), keyGroupCount, child);
        this.order = order;
        this.limit = limit;
    }

    @Override
    OperatorFactory operator() {
        List<SortOrder> orders = Scala.list(order);
        List<String> names = new ArrayList<>();
        orders.forEach(by -> names.add(ExpressionText.of(by)));
        String name = "SortOfEpoch[%s]".formatted(String.join(", ", names));
        return new EpochSort.Factory(
                new RowOrders(orders, Scala.list(onlyChild().output())),
                limit,
                limit == EpochSort.ALL ? name : name + " -> LimitOfEpoch[%d]".formatted(limit));
    }

    @Override
    public Seq<Attribute> output() {
        return onlyChild().output();
    }

    @Override
    public String nodeName() {
        return "MillraceSort";
    }

    @Override
    protected List<Object> fields() {
        return List.of(order, limit, keyGroupCount());
    }

    @Override
    protected SparkPlan over(List<SparkPlan> newChildren) {
        return new SortEpochExec(order, limit, keyGroupCount(), newChildren.get(0));
    }
}
