package dev.millrace.spark.plan;

import dev.millrace.spark.fragment.Clock;
import dev.millrace.spark.scala.Scala;
import java.util.List;
import org.apache.spark.sql.catalyst.expressions.CurrentDate;
import org.apache.spark.sql.catalyst.expressions.CurrentTime;
import org.apache.spark.sql.catalyst.expressions.CurrentTimestampLike;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.Literal;
import org.apache.spark.sql.catalyst.expressions.LocalTimestamp;
import org.apache.spark.sql.catalyst.expressions.objects.StaticInvoke;
import org.apache.spark.sql.catalyst.plans.logical.Aggregate;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StringType$;
import org.apache.spark.unsafe.types.UTF8String;

/**
 * Makes {@code current_timestamp} and its kin move with a running query, where Spark's optimizer
 * would fold them into one literal for the query's whole life. Static sides of joins are computed
 * once, and keep one time.
 */
final class MovingTime {
    private MovingTime() {}

    /** Whether an expression asks for the present time. */
    static boolean asksForTime(Expression expression) {
        return expression instanceof CurrentTimestampLike
                || expression instanceof LocalTimestamp
                || expression instanceof CurrentDate
                || expression instanceof CurrentTime;
    }

    /**
     * Replaces what asks for the present time in the streaming nodes of a plan that was analysed
     * and is about to be optimised.
     */
    static LogicalPlan replaceIn(LogicalPlan plan) {
        return (LogicalPlan) plan.transform(Scala.<LogicalPlan>rule(LogicalPlan::isStreaming, node -> (LogicalPlan)
                node.transformExpressions(Scala.<Expression>rule(MovingTime::asksForTime, MovingTime::moving))));
    }

    /** Whether a streaming aggregation groups by the present time: there is no key to find again. */
    static boolean isGroupedByTime(Aggregate aggregate) {
        for (Expression expression : Scala.<Expression>list(aggregate.groupingExpressions())) {
            if (expression.exists(inner -> asksForTime(inner))) {
                return true;
            }
        }
        return false;
    }

    private static Expression moving(Expression expression) {
        if (expression instanceof LocalTimestamp local) {
            return call(
                    DataTypes.TimestampNTZType,
                    "localTimestampMicros",
                    List.of(zone(local.zoneId().getId())));
        }
        if (expression instanceof CurrentDate date) {
            return call(
                    DataTypes.DateType, "dateDays", List.of(zone(date.zoneId().getId())));
        }
        if (expression instanceof CurrentTime time) {
            String zone = org.apache.spark.sql.internal.SQLConf$.MODULE$.get().sessionLocalTimeZone();
            Expression precision = Literal.create(time.precision(), DataTypes.IntegerType);
            return call(time.dataType(), "timeNanos", List.of(zone(zone), precision));
        }
        return call(DataTypes.TimestampType, "timestampMicros", List.of());
    }

    private static Expression zone(String id) {
        return Literal.create(UTF8String.fromString(id), StringType$.MODULE$);
    }

    /** Not deterministic, so that nothing folds it; never null. */
    private static Expression call(DataType type, String method, List<Expression> arguments) {
        return new StaticInvoke(
                Clock.class, type, method, Scala.seq(arguments), Scala.emptySeq(), true, false, false, Scala.none());
    }
}
