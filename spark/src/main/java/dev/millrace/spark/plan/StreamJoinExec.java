package dev.millrace.spark.plan;

import dev.millrace.engine.operator.JoinType;
import dev.millrace.engine.page.Side;
import dev.millrace.engine.snapshot.StateSchema;
import dev.millrace.spark.join.JoinSpecification;
import dev.millrace.spark.key.StateColumns;
import dev.millrace.spark.scala.Scala;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.plans.physical.Distribution;
import org.apache.spark.sql.catalyst.plans.physical.Partitioning;
import org.apache.spark.sql.catalyst.plans.physical.PartitioningCollection;
import org.apache.spark.sql.catalyst.plans.physical.StatefulOpClusteredDistribution;
import org.apache.spark.sql.catalyst.plans.physical.UnknownPartitioning;
import org.apache.spark.sql.execution.SparkPlan;
import org.apache.spark.sql.execution.streaming.operators.stateful.join.StreamingSymmetricHashJoinHelper;
import org.apache.spark.sql.execution.streaming.operators.stateful.join.StreamingSymmetricHashJoinHelper.JoinConditionSplitPredicates;
import scala.Option;
import scala.collection.immutable.Seq;

/**
 * Joins two streams, over state.
 *
 * <p>Source: output, distribution and partitioning are those of Spark's StreamingSymmetricHashJoinExec.
 */
public final class StreamJoinExec extends StreamNode {
    private static final long serialVersionUID = 1L;

    private final Seq<Expression> leftKeys;
    private final Seq<Expression> rightKeys;
    private final JoinType type;
    private final Option<Expression> condition;
    private final int keyGroupCount;

    /** @param condition what has to hold for two rows of one key */
    public StreamJoinExec(
            Seq<Expression> leftKeys,
            Seq<Expression> rightKeys,
            JoinType type,
            Option<Expression> condition,
            int keyGroupCount,
            SparkPlan left,
            SparkPlan right) {
        super(List.of(left, right));
        this.leftKeys = leftKeys;
        this.rightKeys = rightKeys;
        this.type = type;
        this.condition = condition;
        this.keyGroupCount = keyGroupCount;
    }

    Seq<Expression> keys(Side side) {
        return side == Side.LEFT ? leftKeys : rightKeys;
    }

    JoinType type() {
        return type;
    }

    SparkPlan child(Side side) {
        return children().apply(side.ordinal());
    }

    /** What an operator needs to do this node's work over its children's rows. */
    JoinSpecification specification() {
        JoinConditionSplitPredicates split =
                StreamingSymmetricHashJoinHelper.JoinConditionSplitPredicates$.MODULE$.apply(
                        condition, child(Side.LEFT), child(Side.RIGHT));
        return new JoinSpecification(
                side(Side.LEFT, split.leftSideOnly()),
                side(Side.RIGHT, split.rightSideOnly()),
                Scala.optional(split.bothSides()).orElse(null));
    }

    private JoinSpecification.OneSide side(Side side, Option<Expression> own) {
        JoinExpiry expiry = expiry();
        return new JoinSpecification.OneSide(
                Scala.list(keys(side)),
                Scala.optional(own).orElse(null),
                JoinExpiry.eventTime(child(side).output()),
                expiry.of(side),
                Scala.list(child(side).output()));
    }

    /** What the state of each side holds. */
    List<StateSchema> states() {
        List<StateSchema> states = new ArrayList<>();
        for (Side side : Side.values()) {
            states.add(StateColumns.schema(
                    side.ordinal(),
                    side.name().toLowerCase(Locale.ROOT),
                    StateSchema.Kind.LIST,
                    Scala.list(keys(side)),
                    StateColumns.of(Scala.<Attribute>list(child(side).output()))));
        }
        return states;
    }

    JoinExpiry expiry() {
        return new JoinExpiry(
                leftKeys,
                rightKeys,
                condition,
                child(Side.LEFT).output(),
                child(Side.RIGHT).output());
    }

    String describe() {
        return "Join[%s, on %s%s]"
                .formatted(type, keyNames(), condition.isDefined() ? ", " + ExpressionText.of(condition.get()) : "");
    }

    private String keyNames() {
        List<String> names = new ArrayList<>();
        for (int i = 0; i < leftKeys.length(); i++) {
            names.add(ExpressionText.of(leftKeys.apply(i)) + " = " + ExpressionText.of(rightKeys.apply(i)));
        }
        return String.join(" and ", names);
    }

    @Override
    public Seq<Attribute> output() {
        List<Attribute> output = new ArrayList<>();
        for (Attribute column : Scala.<Attribute>list(child(Side.LEFT).output())) {
            output.add(type.keepsUnmatched(Side.RIGHT) ? column.withNullability(true) : column);
        }
        if (type != JoinType.LEFT_SEMI) {
            for (Attribute column : Scala.<Attribute>list(child(Side.RIGHT).output())) {
                output.add(type.keepsUnmatched(Side.LEFT) ? column.withNullability(true) : column);
            }
        }
        return Scala.seq(output);
    }

    @Override
    public Seq<Distribution> requiredChildDistribution() {
        return Scala.seq(
                new StatefulOpClusteredDistribution(leftKeys, keyGroupCount),
                new StatefulOpClusteredDistribution(rightKeys, keyGroupCount));
    }

    @Override
    public Partitioning outputPartitioning() {
        Partitioning left = child(Side.LEFT).outputPartitioning();
        Partitioning right = child(Side.RIGHT).outputPartitioning();
        return switch (type) {
            case INNER -> new PartitioningCollection(Scala.seq(left, right));
            case LEFT_OUTER, LEFT_SEMI -> left;
            case RIGHT_OUTER -> right;
            case FULL_OUTER -> new UnknownPartitioning(left.numPartitions());
        };
    }

    @Override
    public String nodeName() {
        return "MillraceJoin";
    }

    @Override
    protected List<Object> fields() {
        return List.of(leftKeys, rightKeys, type, condition, keyGroupCount);
    }

    @Override
    protected SparkPlan over(List<SparkPlan> newChildren) {
        return new StreamJoinExec(
                leftKeys, rightKeys, type, condition, keyGroupCount, newChildren.get(0), newChildren.get(1));
    }
}
