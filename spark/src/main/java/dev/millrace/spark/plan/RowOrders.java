package dev.millrace.spark.plan;

import dev.millrace.engine.operator.PerTask;
import dev.millrace.engine.operator.RowOrder;
import dev.millrace.spark.fragment.Rows;
import dev.millrace.spark.fragment.TaskCopies;
import dev.millrace.spark.scala.Scala;
import java.io.Serializable;
import java.util.List;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.catalyst.expressions.BaseOrdering;
import org.apache.spark.sql.catalyst.expressions.RowOrdering$;
import org.apache.spark.sql.catalyst.expressions.SortOrder;
import org.apache.spark.sql.catalyst.expressions.UnsafeRow;

/** Makes one task's order of rows: Spark's own. Thread: any; what is made belongs to the calling task. */
final class RowOrders implements PerTask<RowOrder> {
    private static final long serialVersionUID = 1L;

    private final TaskCopies<Specification> specifications;

    private record Specification(List<SortOrder> order, List<Attribute> input) implements Serializable {}

    RowOrders(List<SortOrder> order, List<Attribute> input) {
        specifications = TaskCopies.of(new Specification(List.copyOf(order), List.copyOf(input)));
    }

    @Override
    public RowOrder get() {
        Specification specification = specifications.copy();
        BaseOrdering ordering =
                RowOrdering$.MODULE$.create(Scala.seq(specification.order()), Scala.seq(specification.input()));
        UnsafeRow left = new UnsafeRow(specification.input().size());
        UnsafeRow right = new UnsafeRow(specification.input().size());
        return (a, b) -> ordering.compare(Rows.point(left, a), Rows.point(right, b));
    }
}
