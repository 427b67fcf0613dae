package dev.millrace.spark.function;

import dev.millrace.engine.snapshot.StateSchema;
import dev.millrace.spark.key.StateColumns;
import java.io.Serializable;
import org.apache.spark.sql.catalyst.encoders.ExpressionEncoder;
import org.apache.spark.sql.catalyst.plans.logical.EventTimeTimeout$;
import org.apache.spark.sql.catalyst.plans.logical.LogicalGroupState;
import org.apache.spark.sql.streaming.GroupStateTimeout;
import org.jspecify.annotations.Nullable;
import scala.Function3;
import scala.collection.Iterator;

/**
 * A {@code mapGroupsWithState} or {@code flatMapGroupsWithState}.
 *
 * @param typed how keys, values and results become objects and rows
 * @param state how a state becomes a row and, bound to that row's columns, an object again
 * @param timeout what time-outs go by
 * @param hasWatermark whether a column that comes in is marked as the event time
 * @param initial how a state to begin with becomes an object, or null where there is none
 */
public record GroupStateSpecification(
        String name,
        Function3<Object, Iterator<Object>, LogicalGroupState<Object>, Iterator<Object>> function,
        TypedGroups typed,
        ExpressionEncoder<Object> state,
        GroupStateTimeout timeout,
        boolean hasWatermark,
        @Nullable Initial initial)
        implements FunctionSpecification {
    private static final long serialVersionUID = 1L;

    /**
     * The state to begin with.
     *
     * @param columns what the rows of its static plan hold
     * @param callsForKeys whether the function is called for keys that no row has come for
     */
    public record Initial(InitialColumns columns, boolean callsForKeys) implements Serializable {
        private static final long serialVersionUID = 1L;
    }

    @Override
    public StateSchema stateSchema() {
        return StateColumns.schema(0, "state", StateSchema.Kind.VALUE, typed.grouping(), state.schema());
    }

    @Override
    public boolean dropsLateRows() {
        return timeout == EventTimeTimeout$.MODULE$;
    }

    @Override
    public @Nullable InitialColumns initialColumns() {
        return initial == null ? null : initial.columns();
    }

    @Override
    public String describe() {
        return "state=%s, timeout=%s".formatted(state.schema().catalogString(), timeout);
    }
}
