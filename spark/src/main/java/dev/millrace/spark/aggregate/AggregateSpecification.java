package dev.millrace.spark.aggregate;

import java.io.Serializable;
import java.util.List;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.catalyst.expressions.NamedExpression;
import org.apache.spark.sql.catalyst.expressions.aggregate.AggregateExpression;

/**
 * A keyed aggregation as Spark's planner described it.
 *
 * @param keys the grouping columns, each among the input
 * @param aggregates the functions with their filters and result ids
 * @param results what a result row holds, over the keys and the functions' results
 * @param input the columns of a row that comes in
 */
public record AggregateSpecification(
        List<Attribute> keys,
        List<AggregateExpression> aggregates,
        List<NamedExpression> results,
        List<Attribute> input)
        implements Serializable {
    public AggregateSpecification {
        keys = List.copyOf(keys);
        aggregates = List.copyOf(aggregates);
        results = List.copyOf(results);
        input = List.copyOf(input);
    }
}
