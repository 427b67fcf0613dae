package dev.millrace.spark.aggregate;

import dev.millrace.engine.snapshot.StateSchema;
import dev.millrace.spark.key.StateColumns;
import dev.millrace.spark.scala.Scala;
import java.io.Serializable;
import java.util.ArrayList;
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

    /** The columns of a buffer, those of the functions one behind the other. */
    List<Attribute> buffer() {
        List<Attribute> buffer = new ArrayList<>();
        for (AggregateExpression aggregate : aggregates) {
            buffer.addAll(Scala.<Attribute>list(aggregate.aggregateFunction().aggBufferAttributes()));
        }
        return buffer;
    }

    /** What state holds of the aggregation: a buffer for each key, or for each session of a group. */
    public StateSchema state(StateSchema.Kind kind, List<Attribute> stateKey) {
        return StateColumns.schema(0, "buffers", kind, stateKey, StateColumns.of(buffer()));
    }
}
