package dev.millrace.spark.join;

import dev.millrace.spark.key.EventTimeColumn;
import java.io.Serializable;
import java.util.List;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.jspecify.annotations.Nullable;

/**
 * A join of two streams as Spark's planner described it.
 *
 * @param condition what has to hold for two rows of one key beyond what each side's own condition
 *     asks, or null for nothing
 */
public record JoinSpecification(OneSide left, OneSide right, @Nullable Expression condition) implements Serializable {
    /**
     * One side.
     *
     * @param keys what has to equal the other side's, over the input
     * @param condition what the join's condition asks of this side alone, or null for nothing
     * @param eventTime by what a row is late, or null where none is
     * @param expiry how long a row waits for a match
     * @param input the columns of a row that comes in
     */
    public record OneSide(
            List<Expression> keys,
            @Nullable Expression condition,
            @Nullable EventTimeColumn eventTime,
            RowExpiry expiry,
            List<Attribute> input)
            implements Serializable {
        public OneSide {
            keys = List.copyOf(keys);
            input = List.copyOf(input);
        }
    }
}
