package dev.millrace.spark.aggregate;

import dev.millrace.engine.snapshot.StateSchema;
import dev.millrace.spark.key.StateColumns;
import dev.millrace.spark.scala.Scala;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.catalyst.expressions.NamedExpression;
import org.apache.spark.sql.catalyst.expressions.UnsafeRow;
import org.apache.spark.sql.catalyst.expressions.aggregate.AggregateExpression;
import org.apache.spark.sql.catalyst.expressions.aggregate.AggregateMode;
import org.apache.spark.sql.catalyst.expressions.aggregate.DeclarativeAggregate;
import org.apache.spark.sql.catalyst.expressions.aggregate.Final$;
import org.apache.spark.sql.catalyst.expressions.aggregate.Partial$;

/**
 * A keyed aggregation as Spark's planner described it.
 *
 * @param keys the grouping columns, each among the input
 * @param aggregates the functions with their filters and result ids, and by their mode whether they take rows or
 *     buffers that the first half made of rows
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

    /**
     * Whether it can be done in two halves: all buffers lie in bytes, and Spark merges them by expressions.
     *
     * @see #partial
     * @see #merging
     */
    public boolean hasHalves() {
        return aggregates.stream().allMatch(one -> one.aggregateFunction() instanceof DeclarativeAggregate)
                && buffer().stream().allMatch(field -> UnsafeRow.isMutable(field.dataType()));
    }

    /** The first half, whose result rows hold a key and its buffer. */
    public AggregateSpecification partial() {
        List<NamedExpression> halfResults = new ArrayList<>(keys);
        halfResults.addAll(buffer());
        return new AggregateSpecification(keys, inMode(Partial$.MODULE$), halfResults, input);
    }

    /** The second half, which takes the first one's result rows and has its buffers in state as the whole has. */
    public AggregateSpecification merging() {
        List<Attribute> halfResults = new ArrayList<>(keys);
        for (AggregateExpression aggregate : aggregates) {
            halfResults.addAll(
                    Scala.<Attribute>list(aggregate.aggregateFunction().inputAggBufferAttributes()));
        }
        return new AggregateSpecification(keys, inMode(Final$.MODULE$), results, halfResults);
    }

    private List<AggregateExpression> inMode(AggregateMode mode) {
        List<AggregateExpression> changed = new ArrayList<>();
        for (AggregateExpression one : aggregates) {
            changed.add(one.copy(one.aggregateFunction(), mode, one.isDistinct(), one.filter(), one.resultId()));
        }
        return changed;
    }

    /** What state holds of the aggregation: a buffer for each key, or for each session of a group. */
    public StateSchema state(StateSchema.Kind kind, List<Attribute> stateKey) {
        return StateColumns.schema(0, "buffers", kind, stateKey, StateColumns.of(buffer()));
    }
}
