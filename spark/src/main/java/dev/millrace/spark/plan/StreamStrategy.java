package dev.millrace.spark.plan;

import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.spark.scala.Scala;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.apache.spark.sql.catalyst.expressions.Alias;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.NamedExpression;
import org.apache.spark.sql.catalyst.expressions.aggregate.AggregateExpression;
import org.apache.spark.sql.catalyst.optimizer.NormalizeFloatingNumbers$;
import org.apache.spark.sql.catalyst.planning.PhysicalAggregation$;
import org.apache.spark.sql.catalyst.plans.logical.Aggregate;
import org.apache.spark.sql.catalyst.plans.logical.EventTimeWatermark;
import org.apache.spark.sql.catalyst.plans.logical.EventTimeWatermark$;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.catalyst.plans.logical.Project;
import org.apache.spark.sql.catalyst.plans.logical.SerializeFromObject;
import org.apache.spark.sql.catalyst.plans.logical.UpdateEventTimeWatermarkColumn;
import org.apache.spark.sql.catalyst.util.UnsafeRowUtils;
import org.apache.spark.sql.execution.ProjectExec;
import org.apache.spark.sql.execution.SparkPlan;
import org.apache.spark.sql.execution.SparkStrategy;
import org.apache.spark.sql.internal.SQLConf$;
import scala.collection.immutable.Seq;

/**
 * Plans the streaming nodes that Millrace runs itself; Spark's own strategies plan all others.
 *
 * <p>An aggregation becomes three nodes. Below, a Project of the keys, normalised, and of the columns
 * that the functions read: Spark puts the exchange over it and fuses it with what stands under it.
 * Then the aggregation itself. Above, a Project only for results that are not deterministic.
 */
final class StreamStrategy extends SparkStrategy {
    private final int keyGroupCount;

    StreamStrategy(int keyGroupCount) {
        this.keyGroupCount = keyGroupCount;
    }

    @Override
    public Seq<SparkPlan> apply(LogicalPlan plan) {
        if (plan instanceof SourceNode source) {
            return Scala.seq(new SourceExec(source.sourceIndex(), source.sourceName(), source.output()));
        }
        if (!plan.isStreaming()) {
            return Scala.emptySeq();
        }
        if (plan instanceof EventTimeWatermark watermark) {
            long delayMillis = EventTimeWatermark$.MODULE$.getDelayMs(watermark.delay());
            return Scala.seq(new WatermarkExec(
                    watermark.eventTime(), delayMillis, watermark.output(), planLater(watermark.child())));
        }
        if (plan instanceof UpdateEventTimeWatermarkColumn column) {
            return Scala.seq(new EventTimeGuardExec(column.eventTime(), column.output(), planLater(column.child())));
        }
        if (GroupFunctions.isSerialized(plan)) {
            SerializeFromObject above = (SerializeFromObject) plan;
            return Scala.seq(GroupFunctions.plan(above, keyGroupCount, SQLConf$.MODULE$.get(), this::planLater));
        }
        if (plan instanceof Aggregate aggregate) {
            return Scala.seq(aggregation(aggregate));
        }
        return Scala.emptySeq();
    }

    private SparkPlan aggregation(Aggregate aggregate) {
        var parts = PhysicalAggregation$.MODULE$.unapply(aggregate);
        if (parts.isEmpty()) {
            throw new MillraceException(
                    ErrorCode.UNSUPPORTED_OPERATOR,
                    "Cannot run an aggregation in real time: functions=%s cannot be computed row by row. "
                                    .formatted(aggregate.aggregateExpressions())
                            + "Compute them in another way, or run the query without Millrace "
                            + "(spark.millrace.enabled=false).");
        }
        List<NamedExpression> grouping =
                Scala.list(Scala.<Seq<NamedExpression>>cast(parts.get()._1()));
        List<AggregateExpression> functions =
                Scala.list(Scala.<Seq<AggregateExpression>>cast(parts.get()._2()));
        List<NamedExpression> results =
                Scala.list(Scala.<Seq<NamedExpression>>cast(parts.get()._3()));

        List<NamedExpression> below = new ArrayList<>();
        List<Attribute> keys = new ArrayList<>();
        for (NamedExpression expression : grouping) {
            NamedExpression key = normalized(expression);
            checkComparableByBytes(key);
            below.add(key);
            keys.add(key.toAttribute());
        }
        addReferences(functions, keys, below);
        SparkPlan child = planLater(project(below, parts.get()._4()));
        return overResults(keys, functions, results, child);
    }

    /** A projection over a plan, made one with the projection that the plan is, where all it does is choose. */
    private static Project project(List<NamedExpression> columns, LogicalPlan plan) {
        if (!(plan instanceof Project below) || !columns.stream().allMatch(Attribute.class::isInstance)) {
            return new Project(Scala.seq(columns), plan);
        }
        Map<Long, NamedExpression> expressions = new HashMap<>();
        for (NamedExpression expression : Scala.<NamedExpression>list(below.projectList())) {
            expressions.put(expression.exprId().id(), expression);
        }
        List<NamedExpression> chosen = new ArrayList<>();
        for (NamedExpression column : columns) {
            chosen.add(Objects.requireNonNull(expressions.get(column.exprId().id())));
        }
        return new Project(Scala.seq(chosen), below.child());
    }

    /** Puts the results into the aggregation itself where that cannot change what they are. */
    private SparkPlan overResults(
            List<Attribute> keys, List<AggregateExpression> functions, List<NamedExpression> results, SparkPlan child) {
        boolean deterministic = results.stream().allMatch(result -> ((Expression) result).deterministic());
        List<NamedExpression> own = deterministic ? results : plainResults(keys, functions);
        SparkPlan aggregation =
                new KeyedAggregateExec(Scala.seq(keys), Scala.seq(functions), Scala.seq(own), keyGroupCount, child);
        return deterministic ? aggregation : new ProjectExec(Scala.seq(results), aggregation);
    }

    private static List<NamedExpression> plainResults(List<Attribute> keys, List<AggregateExpression> functions) {
        List<NamedExpression> plain = new ArrayList<>(keys);
        for (AggregateExpression function : functions) {
            plain.add(function.resultAttribute());
        }
        return plain;
    }

    private static NamedExpression normalized(NamedExpression expression) {
        Expression normal = NormalizeFloatingNumbers$.MODULE$.normalize((Expression) expression);
        return normal instanceof NamedExpression named
                ? named
                : new Alias(
                        normal,
                        expression.name(),
                        expression.exprId(),
                        Scala.emptySeq(),
                        Scala.option(expression.metadata()),
                        Scala.emptySeq());
    }

    static void checkComparableByBytes(NamedExpression key) {
        var type = ((Expression) key).dataType();
        if (!UnsafeRowUtils.isBinaryStable(type)) {
            throw new MillraceException(
                    ErrorCode.UNSUPPORTED_OPERATOR,
                    "Cannot group by a column in real time: column=%s, type=%s, equal values of which differ in "
                                    .formatted(key.name(), type.sql())
                            + "their bytes. Group by lower(%s), or by the column with collation UTF8_BINARY."
                                    .formatted(key.name()));
        }
    }

    /** Adds the columns that the functions and their filters read, each once. */
    private static void addReferences(
            List<AggregateExpression> functions, List<Attribute> keys, List<NamedExpression> below) {
        Set<Long> present = new HashSet<>();
        for (Attribute key : keys) {
            present.add(key.exprId().id());
        }
        for (AggregateExpression function : functions) {
            for (Attribute reference : Scala.<Attribute>list(function.references())) {
                if (present.add(reference.exprId().id())) {
                    below.add(reference);
                }
            }
        }
    }
}
