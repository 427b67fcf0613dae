package dev.millrace.spark.aggregate;

import dev.millrace.engine.operator.Aggregate;
import dev.millrace.engine.operator.Observe;
import dev.millrace.engine.operator.Operator;
import dev.millrace.engine.operator.OperatorFactory;
import dev.millrace.engine.page.RowView;
import dev.millrace.spark.fragment.Rows;
import java.util.List;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.catalyst.CatalystTypeConverters$;
import org.apache.spark.sql.catalyst.expressions.NamedExpression;
import org.apache.spark.sql.catalyst.expressions.UnsafeRow;
import org.apache.spark.sql.types.StructType;
import org.jspecify.annotations.Nullable;
import scala.Function1;

/**
 * One {@code observe()} of a query: makes the operators that look at the rows, and a row of metrics of
 * what all tasks saw of an epoch.
 *
 * <p>Thread: any, but for {@link #row}, which is the query's.
 */
public final class Observation implements OperatorFactory {
    private static final long serialVersionUID = 1L;

    private final String name;
    private final AggregateSupplier aggregates;
    private final StructType schema;

    // What the driver alone uses, when it first does.
    private transient @Nullable Function1<Object, Object> toRow;
    private transient @Nullable Aggregate merging;

    /** @param specification without keys; its results are the metrics */
    public Observation(String name, AggregateSpecification specification) {
        this.name = name;
        this.aggregates = new AggregateSupplier(specification);
        StructType fields = new StructType();
        for (NamedExpression metric : specification.results()) {
            fields = fields.add(
                    metric.name(),
                    metric.toAttribute().dataType(),
                    metric.toAttribute().nullable());
        }
        this.schema = fields;
    }

    /** The name that the user gave it. */
    public String metricsName() {
        return name;
    }

    @Override
    public String name() {
        return "Observe[%s]".formatted(name);
    }

    @Override
    public boolean observes() {
        return true;
    }

    @Override
    public Operator create() {
        return new Observe(aggregates);
    }

    /** The metrics of one epoch. */
    public Row row(List<byte[]> observations) {
        Aggregate aggregate = merging;
        Function1<Object, Object> converter = toRow;
        if (aggregate == null || converter == null) {
            aggregate = aggregates.get();
            merging = aggregate;
            converter = CatalystTypeConverters$.MODULE$.createToScalaConverter(schema);
            toRow = converter;
        }
        RowView result = Observe.result(aggregate, observations);
        return (Row) converter.apply(Rows.point(new UnsafeRow(schema.size()), result));
    }
}
