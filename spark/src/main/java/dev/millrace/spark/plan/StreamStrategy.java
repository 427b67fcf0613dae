package dev.millrace.spark.plan;

import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.engine.operator.Emission;
import dev.millrace.engine.operator.EpochSort;
import dev.millrace.engine.operator.JoinType;
import dev.millrace.spark.key.EventTimeColumn;
import dev.millrace.spark.key.SessionKeys;
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
import org.apache.spark.sql.catalyst.expressions.Literal;
import org.apache.spark.sql.catalyst.expressions.NamedExpression;
import org.apache.spark.sql.catalyst.expressions.aggregate.AggregateExpression;
import org.apache.spark.sql.catalyst.optimizer.NormalizeFloatingNumbers$;
import org.apache.spark.sql.catalyst.planning.ExtractEquiJoinKeys$;
import org.apache.spark.sql.catalyst.planning.PhysicalAggregation$;
import org.apache.spark.sql.catalyst.plans.FullOuter$;
import org.apache.spark.sql.catalyst.plans.InnerLike;
import org.apache.spark.sql.catalyst.plans.LeftOuter$;
import org.apache.spark.sql.catalyst.plans.LeftSemi$;
import org.apache.spark.sql.catalyst.plans.RightOuter$;
import org.apache.spark.sql.catalyst.plans.logical.Aggregate;
import org.apache.spark.sql.catalyst.plans.logical.CollectMetrics;
import org.apache.spark.sql.catalyst.plans.logical.Deduplicate;
import org.apache.spark.sql.catalyst.plans.logical.DeduplicateWithinWatermark;
import org.apache.spark.sql.catalyst.plans.logical.EventTimeWatermark;
import org.apache.spark.sql.catalyst.plans.logical.EventTimeWatermark$;
import org.apache.spark.sql.catalyst.plans.logical.GlobalLimit;
import org.apache.spark.sql.catalyst.plans.logical.Join;
import org.apache.spark.sql.catalyst.plans.logical.LocalLimit;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.catalyst.plans.logical.Project;
import org.apache.spark.sql.catalyst.plans.logical.ReturnAnswer;
import org.apache.spark.sql.catalyst.plans.logical.SerializeFromObject;
import org.apache.spark.sql.catalyst.plans.logical.Sort;
import org.apache.spark.sql.catalyst.plans.logical.UpdateEventTimeWatermarkColumn;
import org.apache.spark.sql.catalyst.util.UnsafeRowUtils;
import org.apache.spark.sql.errors.QueryCompilationErrors$;
import org.apache.spark.sql.errors.QueryExecutionErrors$;
import org.apache.spark.sql.execution.ProjectExec;
import org.apache.spark.sql.execution.SparkPlan;
import org.apache.spark.sql.execution.SparkStrategy;
import org.apache.spark.sql.execution.streaming.operators.stateful.WatermarkSupport$;
import org.apache.spark.sql.internal.SQLConf$;
import org.apache.spark.sql.streaming.OutputMode;
import scala.Option;
import scala.collection.immutable.Seq;

/**
 * Plans the streaming nodes that Millrace runs itself; Spark's own strategies plan all others.
 *
 * <p>An aggregation becomes three nodes. Below, a Project of the keys, normalised, and of the columns
 * that the functions read: Spark puts the exchange over it and fuses it with what stands under it.
 * Then the aggregation itself. Above, a Project only for results that are not deterministic. One that
 * has keys and no functions, as {@code SELECT DISTINCT} has, is a deduplication in update mode: its rows
 * never change. In append mode it waits for the watermark like any other, for a row says that its window
 * is closed.
 */
final class StreamStrategy extends SparkStrategy {
    private final OutputMode outputMode;
    private final Emission changes;
    private final int keyGroupCount;

    /** @param changes how often a changed key gives a row in update mode */
    StreamStrategy(OutputMode outputMode, Emission changes, int keyGroupCount) {
        this.outputMode = outputMode;
        this.changes = changes;
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
        if (plan instanceof ReturnAnswer answer) {
            // Spark's own strategies know limits at the top that end a job early.
            return Scala.seq(planLater(answer.child()));
        }
        if (plan instanceof EventTimeWatermark watermark) {
            long delayMillis = EventTimeWatermark$.MODULE$.getDelayMs(watermark.delay());
            return Scala.seq(new WatermarkExec(
                    watermark.nodeId().toString(),
                    watermark.eventTime(),
                    delayMillis,
                    watermark.output(),
                    planLater(watermark.child())));
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
        if (plan instanceof CollectMetrics observed) {
            return Scala.seq(observation(observed));
        }
        if (plan instanceof Join join
                && join.left().isStreaming()
                && join.right().isStreaming()) {
            return Scala.seq(join(join));
        }
        if (plan instanceof Deduplicate deduplicate) {
            return Scala.seq(deduplication(deduplicate.keys(), DeduplicateExec.Kind.DUPLICATES, deduplicate.child()));
        }
        if (plan instanceof DeduplicateWithinWatermark deduplicate) {
            return Scala.seq(deduplication(
                    deduplicate.keys(), DeduplicateExec.Kind.DUPLICATES_WITHIN_WATERMARK, deduplicate.child()));
        }
        if (plan instanceof Sort sort) {
            return Scala.seq(sort(sort, EpochSort.ALL));
        }
        if (plan instanceof LocalLimit local) {
            // Spark puts it below a limit to spare rows; here no part of the rows ends.
            return Scala.seq(planLater(local.child()));
        }
        if (plan instanceof GlobalLimit limit) {
            return Scala.seq(limit(limit));
        }
        return Scala.emptySeq();
    }

    /** Errors: Spark's own, where no key of one side has to equal one of the other. */
    private SparkPlan join(Join join) {
        var parts = ExtractEquiJoinKeys$.MODULE$.unapply(join);
        if (parts.isEmpty()) {
            throw Scala.sneaky(
                    QueryCompilationErrors$.MODULE$.streamJoinStreamWithoutEqualityPredicateUnsupportedError(join));
        }
        Seq<Expression> leftKeys = Scala.cast(parts.get()._2());
        Scala.<Expression>list(leftKeys).forEach(StreamStrategy::checkComparableByBytes);
        return new StreamJoinExec(
                leftKeys,
                Scala.cast(parts.get()._3()),
                type(join),
                parts.get()._4(),
                keyGroupCount,
                planLater(join.left()),
                planLater(join.right()));
    }

    private static JoinType type(Join join) {
        var type = join.joinType();
        if (type instanceof InnerLike) {
            return JoinType.INNER;
        }
        if (type == LeftOuter$.MODULE$) {
            return JoinType.LEFT_OUTER;
        }
        if (type == RightOuter$.MODULE$) {
            return JoinType.RIGHT_OUTER;
        }
        if (type == FullOuter$.MODULE$) {
            return JoinType.FULL_OUTER;
        }
        if (type == LeftSemi$.MODULE$) {
            return JoinType.LEFT_SEMI;
        }
        throw new MillraceException(
                ErrorCode.UNSUPPORTED_OPERATOR,
                "Cannot join two streams on Millrace: joinType=%s. Use an inner, outer or left semi join."
                        .formatted(type.sql()));
    }

    private SparkPlan deduplication(Seq<Attribute> keys, DeduplicateExec.Kind kind, LogicalPlan child) {
        for (Attribute key : Scala.<Attribute>list(keys)) {
            checkComparableByBytes(key);
        }
        checkEventTime(child.output());
        return new DeduplicateExec(keys, kind, keyGroupCount, planLater(child));
    }

    /** Errors: Spark's own where two columns are marked by watermarks, and none says when state ends. */
    private static void checkEventTime(Seq<Attribute> columns) {
        Option<Attribute> unused = WatermarkSupport$.MODULE$.findEventTimeColumn(columns, false);
    }

    /** Spark lets rows be sorted only where every epoch brings a whole table. */
    private SparkPlan sort(Sort sort, int limit) {
        return new SortEpochExec(sort.order(), limit, keyGroupCount, planLater(sort.child()));
    }

    /** A limit of rows that are appended counts them all; one of tables those of each. */
    private SparkPlan limit(GlobalLimit global) {
        if (!(global.limitExpr() instanceof Literal literal) || !(literal.value() instanceof Integer limit)) {
            throw new MillraceException(
                    ErrorCode.UNSUPPORTED_OPERATOR,
                    "Cannot limit a stream on Millrace: limit=%s is no constant. Give a number."
                            .formatted(global.limitExpr().sql()));
        }
        LogicalPlan rows = global.child() instanceof LocalLimit local ? local.child() : global.child();
        boolean ofTables = outputMode.equals(OutputMode.Complete())
                && rows.exists(node -> node instanceof Aggregate && node.isStreaming());
        if (ofTables && rows instanceof Sort sort) {
            return sort(sort, limit);
        }
        return new LimitExec(limit, ofTables, keyGroupCount, planLater(rows));
    }

    /** Errors: Spark's own where results are to be given at their end, and none of their keys says when that is. */
    private void checkEnds(List<Attribute> keys) {
        if (emission() == Emission.AT_EXPIRY && !EventTimeColumn.markedIn(keys).isPresent()) {
            throw Scala.sneaky(QueryExecutionErrors$.MODULE$.unsupportedStreamingOperatorWithoutWatermark(
                    "Append", "aggregations"));
        }
    }

    private Emission emission() {
        if (outputMode.equals(OutputMode.Complete())) {
            return Emission.ALL_PER_EPOCH;
        }
        return outputMode.equals(OutputMode.Append()) ? Emission.AT_EXPIRY : changes;
    }

    /** Its metrics are the results of an aggregation without keys. */
    private SparkPlan observation(CollectMetrics observed) {
        AggregationParts parts =
                aggregationParts(new Aggregate(Scala.emptySeq(), observed.metrics(), observed.child(), Scala.none()));
        return new ObserveExec(
                observed.name(), Scala.seq(parts.functions()), Scala.seq(parts.results()), planLater(observed.child()));
    }

    /** What Spark makes of an aggregation: its results are expressions over keys and functions. */
    private record AggregationParts(
            List<NamedExpression> grouping,
            List<AggregateExpression> functions,
            List<NamedExpression> results,
            LogicalPlan input) {}

    private static AggregationParts aggregationParts(Aggregate aggregate) {
        var parts = PhysicalAggregation$.MODULE$.unapply(aggregate);
        if (parts.isEmpty()) {
            throw new MillraceException(
                    ErrorCode.UNSUPPORTED_OPERATOR,
                    "Cannot run an aggregation on Millrace: functions=%s cannot be computed row by row. "
                                    .formatted(aggregate.aggregateExpressions())
                            + "Compute them in another way, or run the query without Millrace "
                            + "(spark.millrace.enabled=false).");
        }
        return new AggregationParts(
                Scala.list(Scala.<Seq<NamedExpression>>cast(parts.get()._1())),
                Scala.list(Scala.<Seq<AggregateExpression>>cast(parts.get()._2())),
                Scala.list(Scala.<Seq<NamedExpression>>cast(parts.get()._3())),
                parts.get()._4());
    }

    private SparkPlan aggregation(Aggregate aggregate) {
        AggregationParts parts = aggregationParts(aggregate);
        List<AggregateExpression> functions = parts.functions();
        List<NamedExpression> below = new ArrayList<>();
        List<Attribute> keys = new ArrayList<>();
        for (NamedExpression expression : parts.grouping()) {
            NamedExpression key = normalized(expression);
            checkComparableByBytes((Expression) key);
            below.add(key);
            keys.add(key.toAttribute());
        }
        addReferences(functions, keys, below);
        LogicalPlan input = project(below, parts.input());
        if (functions.isEmpty() && !keys.isEmpty() && outputMode.equals(OutputMode.Update())) {
            return new ProjectExec(
                    Scala.seq(parts.results()), deduplication(Scala.seq(keys), DeduplicateExec.Kind.DISTINCT, input));
        }
        checkEventTime(Scala.seq(keys));
        checkEnds(keys);
        return overResults(keys, functions, parts.results(), planLater(input));
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
        SparkPlan aggregation = keys.stream().anyMatch(SessionKeys::isSessionWindow)
                ? new SessionAggregateExec(
                        Scala.seq(keys), Scala.seq(functions), Scala.seq(own), emission(), keyGroupCount, child)
                : new KeyedAggregateExec(
                        Scala.seq(keys), Scala.seq(functions), Scala.seq(own), emission(), keyGroupCount, child);
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

    static void checkComparableByBytes(Expression key) {
        var type = key.dataType();
        if (!UnsafeRowUtils.isBinaryStable(type)) {
            String name = key instanceof NamedExpression named ? named.name() : key.sql();
            throw new MillraceException(
                    ErrorCode.UNSUPPORTED_OPERATOR,
                    "Cannot group or join by a column on Millrace: column=%s, type=%s, equal values of which differ "
                                    .formatted(name, type.sql())
                            + "in their bytes. Use lower(%s), or the column with collation UTF8_BINARY."
                                    .formatted(name));
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
