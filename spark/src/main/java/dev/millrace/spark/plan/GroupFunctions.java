package dev.millrace.spark.plan;

import dev.millrace.engine.exchange.KeyGroupFunction;
import dev.millrace.engine.operator.KeyedFunction;
import dev.millrace.engine.operator.OperatorFactory;
import dev.millrace.spark.fragment.TaskCopies;
import dev.millrace.spark.function.FunctionSpecification;
import dev.millrace.spark.function.GroupStateSpecification;
import dev.millrace.spark.function.InitialColumns;
import dev.millrace.spark.function.InitialRows;
import dev.millrace.spark.function.ProcessorSpecification;
import dev.millrace.spark.function.StateBytes;
import dev.millrace.spark.function.TypedGroups;
import dev.millrace.spark.function.UserFunctions;
import dev.millrace.spark.scala.Scala;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.NamedExpression;
import org.apache.spark.sql.catalyst.expressions.UnsafeProjection;
import org.apache.spark.sql.catalyst.plans.logical.EventTimeWatermark$;
import org.apache.spark.sql.catalyst.plans.logical.FlatMapGroupsWithState;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.catalyst.plans.logical.SerializeFromObject;
import org.apache.spark.sql.catalyst.plans.logical.TransformWithState;
import org.apache.spark.sql.execution.SparkPlan;
import org.apache.spark.sql.internal.SQLConf;
import org.apache.spark.sql.internal.SQLConf$;
import org.jspecify.annotations.Nullable;
import scala.collection.immutable.Seq;

/**
 * Plans user code over keyed state. Its results are objects, so it is planned together with the node
 * above that makes rows of them.
 */
final class GroupFunctions {
    private GroupFunctions() {}

    /** Whether a node is user code over keyed state that reads a stream. */
    static boolean isOne(LogicalPlan node) {
        return node.isStreaming() && (node instanceof FlatMapGroupsWithState || node instanceof TransformWithState);
    }

    /** Whether a node makes rows of the results of user code over keyed state. */
    static boolean isSerialized(LogicalPlan node) {
        return node instanceof SerializeFromObject above && isOne(above.child());
    }

    /**
     * The physical node of a serialized one.
     *
     * @param later plans a child
     */
    static SparkPlan plan(
            SerializeFromObject above, int keyGroupCount, SQLConf conf, Function<LogicalPlan, SparkPlan> later) {
        List<NamedExpression> serializer = Scala.list(Scala.<Seq<NamedExpression>>cast(above.serializer()));
        FunctionSpecification specification = above.child() instanceof TransformWithState node
                ? processor(node, serializer)
                : groupState((FlatMapGroupsWithState) above.child(), serializer, conf);
        for (Attribute key : specification.typed().grouping()) {
            StreamStrategy.checkComparableByBytes(key);
        }
        return new GroupFunctionExec(
                specification,
                Scala.seq(specification.typed().grouping()),
                Scala.<Seq<Attribute>>cast(above.output()),
                keyGroupCount,
                later.apply(stream(above.child())),
                later.apply(initialState(above.child())));
    }

    private static LogicalPlan stream(LogicalPlan node) {
        return node.children().apply(0);
    }

    private static LogicalPlan initialState(LogicalPlan node) {
        return node.children().apply(1);
    }

    /** The operator of a physical node. Runs the static plan that state begins with at a query's first start. */
    static OperatorFactory operator(GroupFunctionExec node, PlanRequest request, SQLConf conf) {
        FunctionSpecification specification = node.specification();
        Attribute eventTime =
                specification.dropsLateRows() ? eventTime(specification.typed().input()) : null;
        return new KeyedFunction.Factory(
                new UserFunctions(
                        TaskCopies.of(specification),
                        eventTime == null
                                ? null
                                : EventTimes.exact(
                                        eventTime,
                                        Scala.seq(specification.typed().input())),
                        request.isFirstStart() ? initialRows(node, request.keyGroupCount(), conf) : null),
                node.describe(),
                List.of(specification.stateSchema()));
    }

    private static @Nullable InitialRows initialRows(GroupFunctionExec node, int keyGroupCount, SQLConf conf) {
        InitialColumns columns = node.specification().initialColumns();
        if (columns == null) {
            return null;
        }
        SparkPlan plan = node.children().apply(1);
        List<Expression> keys = new ArrayList<>(columns.grouping());
        KeyGroupFunction keyGroups = new HashKeyGroups(keys, Scala.list(plan.output()), keyGroupCount, conf).get();
        UnsafeProjection toBytes = UnsafeProjection.create(plan.schema());
        InitialRows rows = new InitialRows(keyGroupCount);
        for (InternalRow row : plan.executeCollect()) {
            byte[] bytes = toBytes.apply(row).copy().getBytes();
            rows.add(keyGroups.keyGroup(bytes, 0, bytes.length), bytes);
        }
        return rows;
    }

    private static FunctionSpecification groupState(
            FlatMapGroupsWithState node, List<NamedExpression> serializer, SQLConf conf) {
        List<Attribute> input = Scala.list(stream(node).output());
        return new GroupStateSpecification(
                node.isMapGroupsWithState() ? "mapGroupsWithState" : "flatMapGroupsWithState",
                node.func(),
                new TypedGroups(
                        node.keyDeserializer(),
                        node.valueDeserializer(),
                        Scala.list(node.groupingAttributes()),
                        input,
                        serializer),
                StateBytes.bound(node.stateEncoder()),
                node.timeout(),
                eventTime(input) != null,
                node.hasInitialState() ? initial(node, conf) : null);
    }

    private static GroupStateSpecification.Initial initial(FlatMapGroupsWithState node, SQLConf conf) {
        Object skips = conf.getConf(SQLConf$.MODULE$.FLATMAPGROUPSWITHSTATE_SKIP_EMITTING_INITIAL_STATE_KEYS());
        return new GroupStateSpecification.Initial(
                new InitialColumns(
                        node.initialStateDeserializer(),
                        Scala.list(initialState(node).output()),
                        Scala.list(node.initialStateGroupAttrs())),
                !(Boolean) skips);
    }

    private static FunctionSpecification processor(TransformWithState node, List<NamedExpression> serializer) {
        InitialColumns initial = node.hasInitialState()
                ? new InitialColumns(
                        node.initialStateDeserializer(),
                        Scala.list(initialState(node).output()),
                        Scala.list(node.initialStateGroupingAttrs()))
                : null;
        return new ProcessorSpecification(
                node.statefulProcessor(),
                new TypedGroups(
                        node.keyDeserializer(),
                        node.valueDeserializer(),
                        Scala.list(node.groupingAttributes()),
                        Scala.list(stream(node).output()),
                        serializer),
                node.timeMode(),
                node.outputMode(),
                node.keyEncoder(),
                initial);
    }

    /** The column that a watermark marks, or null. */
    static @Nullable Attribute eventTime(List<Attribute> columns) {
        for (Attribute column : columns) {
            if (column.metadata().contains(EventTimeWatermark$.MODULE$.delayKey())) {
                return column;
            }
        }
        return null;
    }
}
