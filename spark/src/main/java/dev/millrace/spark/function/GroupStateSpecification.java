package dev.millrace.spark.function;

import dev.millrace.engine.snapshot.StateSchema;
import dev.millrace.engine.state.EntryTable;
import dev.millrace.spark.key.StateColumns;
import java.io.Serializable;
import java.util.concurrent.TimeUnit;
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
    /** The time in Spark's state of a key that waits for none. */
    public static final long NO_TIME_OUT = -1;

    private static final long serialVersionUID = 1L;
    private static final long MICROS_PER_MILLI = TimeUnit.MILLISECONDS.toMicros(1);
    private static final long LAST_MILLIS = Long.MAX_VALUE / MICROS_PER_MILLI - 1;

    /** When the entry of a key expires whose time-out is at a time: once the time is past it. */
    public static long expiryMicros(long timeoutMillis) {
        return timeoutMillis == NO_TIME_OUT || timeoutMillis >= LAST_MILLIS
                ? EntryTable.NEVER
                : (timeoutMillis + 1) * MICROS_PER_MILLI;
    }

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
