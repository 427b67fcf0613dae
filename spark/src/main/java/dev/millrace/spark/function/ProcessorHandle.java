package dev.millrace.spark.function;

import dev.millrace.engine.operator.OperatorContext;
import dev.millrace.engine.state.KeyedState;
import dev.millrace.spark.function.StateVariable.Kind;
import dev.millrace.spark.function.StateVariable.Shape;
import java.time.Duration;
import java.util.PrimitiveIterator;
import java.util.UUID;
import org.apache.spark.TaskContext;
import org.apache.spark.sql.Encoder;
import org.apache.spark.sql.catalyst.encoders.ExpressionEncoder;
import org.apache.spark.sql.execution.streaming.operators.stateful.transformwithstate.statefulprocessor.QueryInfoImpl;
import org.apache.spark.sql.execution.streaming.operators.stateful.transformwithstate.statefulprocessor.StatefulProcessorHandleImplBase;
import org.apache.spark.sql.execution.streaming.operators.stateful.transformwithstate.statefulprocessor.StatefulProcessorHandleState$;
import org.apache.spark.sql.execution.streaming.runtime.StreamExecution;
import org.apache.spark.sql.execution.streaming.state.StateStoreErrors$;
import org.apache.spark.sql.streaming.ListState;
import org.apache.spark.sql.streaming.MapState;
import org.apache.spark.sql.streaming.QueryInfo;
import org.apache.spark.sql.streaming.TTLConfig;
import org.apache.spark.sql.streaming.TimeMode;
import org.apache.spark.sql.streaming.ValueState;
import org.apache.spark.sql.types.StructType;
import org.jspecify.annotations.Nullable;
import scala.collection.AbstractIterator;
import scala.collection.Iterator;

/**
 * What a stateful processor asks for state, timers and its query's names.
 *
 * <p>Thread: the owning task. Source: Spark's StatefulProcessorHandleImpl, whose rules for what may be
 * called when come with its base class. Spark's own state variables are made anew for each batch, for
 * they hold its time; these live as long as the task.
 */
final class ProcessorHandle extends StatefulProcessorHandleImplBase {
    private static final long serialVersionUID = 1L;
    private static final StructType NO_COLUMNS = new StructType();
    private static final String JOB_GROUP = "spark.jobGroup.id";

    private final transient OperatorContext context;
    private final transient CurrentGroup group;
    private final transient StateVariables variables;
    private final transient Timers timers;
    private final TimeMode timeMode;
    private long epoch;

    ProcessorHandle(
            TimeMode timeMode,
            ExpressionEncoder<Object> key,
            OperatorContext context,
            CurrentGroup group,
            StateVariables variables,
            Timers timers) {
        super(timeMode, key);
        this.timeMode = timeMode;
        this.context = context;
        this.group = group;
        this.variables = variables;
        this.timers = timers;
        setHandleState(StatefulProcessorHandleState$.MODULE$.CREATED());
    }

    /** The processor has said what it keeps; calls may come. */
    void initialized() {
        setHandleState(StatefulProcessorHandleState$.MODULE$.INITIALIZED());
    }

    void closed() {
        setHandleState(StatefulProcessorHandleState$.MODULE$.CLOSED());
    }

    void epoch(long newEpoch) {
        epoch = newEpoch;
    }

    @Override
    public <T> ValueState<T> getValueState(String name, Encoder<T> encoder, TTLConfig timeToLive) {
        verifyStateVarOperations("get_value_state", StatefulProcessorHandleState$.MODULE$.CREATED());
        StateBytes values = StateBytes.of(encoder);
        ValueVariable<T> variable = new ValueVariable<>(
                name,
                new Shape(Kind.VALUE, NO_COLUMNS, values.schema()),
                group,
                KeyedState.ofValues(context.keyGroupCount(), context.stateBudget()),
                timeToLive,
                values);
        return variables.define(variable, expires(timeToLive, name));
    }

    @Override
    public <T> ValueState<T> getValueState(String name, TTLConfig timeToLive, Encoder<T> encoder) {
        return getValueState(name, encoder, timeToLive);
    }

    @Override
    public <T> ListState<T> getListState(String name, Encoder<T> encoder, TTLConfig timeToLive) {
        verifyStateVarOperations("get_list_state", StatefulProcessorHandleState$.MODULE$.CREATED());
        StateBytes values = StateBytes.of(encoder);
        ListVariable<T> variable = new ListVariable<>(
                name,
                new Shape(Kind.LIST, NO_COLUMNS, values.schema()),
                group,
                KeyedState.ofLists(context.keyGroupCount(), context.stateBudget()),
                timeToLive,
                values);
        return variables.define(variable, expires(timeToLive, name));
    }

    @Override
    public <T> ListState<T> getListState(String name, TTLConfig timeToLive, Encoder<T> encoder) {
        return getListState(name, encoder, timeToLive);
    }

    @Override
    public <K, V> MapState<K, V> getMapState(
            String name, Encoder<K> keyEncoder, Encoder<V> encoder, TTLConfig timeToLive) {
        verifyStateVarOperations("get_map_state", StatefulProcessorHandleState$.MODULE$.CREATED());
        StateBytes keys = StateBytes.of(keyEncoder);
        StateBytes values = StateBytes.of(encoder);
        MapVariable<K, V> variable = new MapVariable<>(
                name,
                new Shape(Kind.MAP, keys.schema(), values.schema()),
                group,
                KeyedState.ofGroups(context.keyGroupCount(), context.stateBudget()),
                timeToLive,
                keys,
                values);
        return variables.define(variable, expires(timeToLive, name));
    }

    @Override
    public <K, V> MapState<K, V> getMapState(
            String name, TTLConfig timeToLive, Encoder<K> keyEncoder, Encoder<V> encoder) {
        return getMapState(name, keyEncoder, encoder, timeToLive);
    }

    /** Whether a time to live is asked for. Errors: Spark's own where it cannot be. */
    private boolean expires(TTLConfig timeToLive, String name) {
        @Nullable Duration duration = timeToLive.ttlDuration();
        if (duration != null && duration.isZero()) {
            return false;
        }
        if (timeMode != TimeMode.ProcessingTime()) {
            throw StateStoreErrors$.MODULE$.cannotProvideTTLConfigForTimeMode(name, timeMode.toString());
        }
        if (duration == null || duration.isNegative()) {
            throw StateStoreErrors$.MODULE$.ttlMustBePositive("update", name);
        }
        return true;
    }

    @Override
    public void deleteIfExists(String name) {
        verifyStateVarOperations("delete_if_exists", StatefulProcessorHandleState$.MODULE$.CREATED());
        variables.delete(name);
    }

    @Override
    public QueryInfo getQueryInfo() {
        TaskContext task = TaskContext.get();
        return new QueryInfoImpl(
                UUID.fromString(task.getLocalProperty(StreamExecution.QUERY_ID_KEY())),
                UUID.fromString(task.getLocalProperty(JOB_GROUP)),
                epoch);
    }

    @Override
    public void registerTimer(long millis) {
        verifyTimerOperations("register_timer");
        requireGroup();
        timers.register(millis);
    }

    @Override
    public void deleteTimer(long millis) {
        verifyTimerOperations("delete_timer");
        requireGroup();
        timers.delete(millis);
    }

    @Override
    public Iterator<Object> listTimers() {
        verifyTimerOperations("list_timers");
        requireGroup();
        PrimitiveIterator.OfLong times = timers.list();
        return new AbstractIterator<>() {
            @Override
            public boolean hasNext() {
                return times.hasNext();
            }

            @Override
            public Object next() {
                return times.nextLong();
            }
        };
    }

    private void requireGroup() {
        if (!group.isOpen()) {
            throw dev.millrace.spark.scala.Scala.sneaky(StateStoreErrors$.MODULE$.implicitKeyNotFound("timers"));
        }
    }
}
