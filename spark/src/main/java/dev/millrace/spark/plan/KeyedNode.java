package dev.millrace.spark.plan;

import dev.millrace.engine.operator.OperatorFactory;
import dev.millrace.spark.scala.Scala;
import java.util.List;
import java.util.Optional;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.plans.physical.AllTuples$;
import org.apache.spark.sql.catalyst.plans.physical.Distribution;
import org.apache.spark.sql.catalyst.plans.physical.Partitioning;
import org.apache.spark.sql.catalyst.plans.physical.StatefulOpClusteredDistribution;
import org.apache.spark.sql.catalyst.plans.physical.UnknownPartitioning;
import org.apache.spark.sql.execution.SparkPlan;
import scala.collection.immutable.Seq;

/**
 * A node whose operator stands right behind an exchange: all rows of one key come to one task, or all
 * rows where there is no key.
 */
abstract class KeyedNode extends StreamNode {
    private static final long serialVersionUID = 1L;

    private final Seq<Attribute> keys;
    private final int keyGroupCount;

    KeyedNode(Seq<Attribute> keys, int keyGroupCount, SparkPlan child) {
        super(List.of(child));
        this.keys = keys;
        this.keyGroupCount = keyGroupCount;
    }

    /** The operator that does this node's work over its child's rows. */
    abstract OperatorFactory operator();

    /**
     * A node's work in two halves, one on each side of its exchange.
     *
     * @param first makes rows that are spread by the same keys
     * @param between what these rows hold
     * @param second takes them in place of the child's rows, and gives what {@link #operator} would
     */
    record Halves(OperatorFactory first, List<Attribute> between, OperatorFactory second) {}

    /** The same work in two halves, where that is possible. */
    Optional<Halves> halves() {
        return Optional.empty();
    }

    final Seq<Attribute> keys() {
        return keys;
    }

    final int keyGroupCount() {
        return keyGroupCount;
    }

    @Override
    public final Seq<Distribution> requiredChildDistribution() {
        Distribution required = keys.isEmpty()
                ? AllTuples$.MODULE$
                : new StatefulOpClusteredDistribution(Scala.<Seq<Expression>>cast(keys), keyGroupCount);
        return Scala.seq(required);
    }

    /** Rows lose their key groups here, so that whoever wants them by a key has to spread them anew. */
    @Override
    public final Partitioning outputPartitioning() {
        return new UnknownPartitioning(keyGroupCount);
    }
}
