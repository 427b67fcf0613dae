package dev.millrace.spark.plan;

import dev.millrace.engine.page.Side;
import dev.millrace.spark.join.RowExpiry;
import dev.millrace.spark.join.RowExpiry.ByRange.Bound;
import dev.millrace.spark.key.EventTimeColumn;
import dev.millrace.spark.scala.Scala;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.apache.spark.sql.catalyst.analysis.StreamingJoinHelper$;
import org.apache.spark.sql.catalyst.expressions.And;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.catalyst.expressions.AttributeSet$;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.plans.logical.EventTimeWatermark$;
import org.apache.spark.sql.execution.streaming.operators.stateful.WatermarkSupport$;
import org.apache.spark.sql.execution.streaming.operators.stateful.join.StreamingSymmetricHashJoinHelper$;
import org.apache.spark.sql.internal.SQLConf$;
import org.apache.spark.sql.types.TimestampNTZType;
import org.apache.spark.sql.types.TimestampType;
import org.jspecify.annotations.Nullable;
import scala.Option;
import scala.collection.immutable.Seq;

/**
 * Finds until when rows of a join have to wait for their match. Two cases, as in Spark: an event time
 * among the keys, or a condition that bounds the times of the two sides by each other.
 *
 * <p>What a condition says is Spark's to find out. Its answer, the least time of one side that a
 * watermark of the other still lets match, moves with the watermark; so it is asked for at two of
 * them, and where it moved as far as the watermark the distance between the two is what a row waits.
 *
 * <p>Source: Spark's StreamingSymmetricHashJoinHelper and StreamingJoinHelper.
 */
final class JoinExpiry {
    /** Watermarks to ask at, in milliseconds; large, as Spark cuts fractions towards zero. */
    private static final long SOME_MILLIS = 1L << 40;

    private static final long OTHER_MILLIS = SOME_MILLIS + (1L << 30);

    private final Seq<Expression> leftKeys;
    private final Seq<Expression> rightKeys;
    private final Option<Expression> condition;
    private final Seq<Attribute> left;
    private final Seq<Attribute> right;

    JoinExpiry(
            Seq<Expression> leftKeys,
            Seq<Expression> rightKeys,
            Option<Expression> condition,
            Seq<Attribute> left,
            Seq<Attribute> right) {
        this.leftKeys = leftKeys;
        this.rightKeys = rightKeys;
        this.condition = condition;
        this.left = left;
        this.right = right;
    }

    /**
     * The event time column of one side's rows, or null where there is none. Errors: Spark's own, where
     * there are several.
     */
    static @Nullable EventTimeColumn eventTime(Seq<Attribute> input) {
        boolean mayBeSeveral =
                !(boolean) SQLConf$.MODULE$.get().getConf(SQLConf$.MODULE$.STATEFUL_OPERATOR_ALLOW_MULTIPLE());
        Optional<Attribute> found = Scala.optional(WatermarkSupport$.MODULE$.findEventTimeColumn(input, mayBeSeveral));
        return found.map(column -> column(column, input)).orElse(null);
    }

    private static EventTimeColumn column(Attribute column, Seq<Attribute> input) {
        List<Attribute> columns = Scala.list(input);
        for (int i = 0; i < columns.size(); i++) {
            if (columns.get(i).exprId().equals(column.exprId())) {
                return EventTimeColumn.at(i, columns);
            }
        }
        throw new IllegalStateException("Cannot find a time: column=" + column + ", input=" + columns);
    }

    /** How long rows of a side wait. */
    RowExpiry of(Side side) {
        Option<Object> ordinal =
                StreamingSymmetricHashJoinHelper$.MODULE$.findJoinKeyOrdinalForWatermark(leftKeys, rightKeys);
        if (ordinal.isDefined()) {
            int index = (int) ordinal.get();
            return new RowExpiry.ByKey(EventTimeColumn.at(index, Scala.<Expression>list(leftKeys)));
        }
        List<Bound> bounds = bounds(side);
        return bounds.isEmpty() ? new RowExpiry.Never() : new RowExpiry.ByRange(bounds);
    }

    /** Whether the watermark ends the wait of any row. */
    boolean isFound() {
        return !(of(Side.LEFT) instanceof RowExpiry.Never) || !(of(Side.RIGHT) instanceof RowExpiry.Never);
    }

    /** How far rows that come out may lie behind the watermark. Units: microseconds. */
    long outputDelayMicros() {
        long delay = 0;
        for (Side side : Side.values()) {
            if (of(side) instanceof RowExpiry.ByRange range) {
                for (Bound bound : range.bounds()) {
                    delay = Math.max(delay, bound.delayMicros());
                }
            }
        }
        return delay;
    }

    private List<Bound> bounds(Side side) {
        Seq<Attribute> own = side == Side.LEFT ? left : right;
        Seq<Attribute> other = side == Side.LEFT ? right : left;
        List<Bound> bounds = new ArrayList<>();
        if (condition.isEmpty() || !hasEventTime(own)) {
            return bounds;
        }
        for (Expression conjunct : conjuncts(condition.get())) {
            if (!Scala.<Attribute>list(conjunct.references()).stream()
                    .anyMatch(column -> isEventTime(column) && contains(other, column))) {
                continue; // Spark would only warn of it
            }
            Long some = stateWatermark(own, other, conjunct, SOME_MILLIS);
            Long next = stateWatermark(own, other, conjunct, OTHER_MILLIS);
            if (some != null && next != null && next - some == OTHER_MILLIS - SOME_MILLIS) {
                time(own, conjunct)
                        .map(time -> new Bound(column(time, own), TimeUnit.MILLISECONDS.toMicros(SOME_MILLIS - some)))
                        .ifPresent(bounds::add);
            }
        }
        return bounds;
    }

    private static boolean hasEventTime(Seq<Attribute> input) {
        return Scala.<Attribute>list(input).stream().anyMatch(JoinExpiry::isEventTime);
    }

    private static boolean isEventTime(Attribute column) {
        return column.metadata().contains(EventTimeWatermark$.MODULE$.delayKey());
    }

    private static boolean contains(Seq<Attribute> columns, Attribute column) {
        return Scala.<Attribute>list(columns).stream()
                .anyMatch(one -> one.exprId().equals(column.exprId()));
    }

    private static List<Expression> conjuncts(Expression condition) {
        if (condition instanceof And and) {
            List<Expression> all = new ArrayList<>(conjuncts(and.left()));
            all.addAll(conjuncts(and.right()));
            return all;
        }
        return List.of(condition);
    }

    /** The column of one side that a condition bounds: Spark's answer holds only where there is just one. */
    private static Optional<Attribute> time(Seq<Attribute> own, Expression conjunct) {
        for (Attribute column : Scala.<Attribute>list(conjunct.references())) {
            boolean isTime =
                    column.dataType() instanceof TimestampType || column.dataType() instanceof TimestampNTZType;
            if (contains(own, column) && isTime) {
                return Optional.of(column);
            }
        }
        return Optional.empty();
    }

    /** The greatest time of one side that the watermark rules out, or null where there is none. Units: milliseconds. */
    private static @Nullable Long stateWatermark(
            Seq<Attribute> own, Seq<Attribute> other, Expression conjunct, long watermarkMillis) {
        Option<Object> found = StreamingJoinHelper$.MODULE$.getStateValueWatermark(
                AttributeSet$.MODULE$.apply(Scala.<Seq<Expression>>cast(own)),
                AttributeSet$.MODULE$.apply(Scala.<Seq<Expression>>cast(other)),
                Scala.option(conjunct),
                Scala.option(watermarkMillis));
        return (Long) Scala.optional(found).orElse(null);
    }
}
