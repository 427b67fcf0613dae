package dev.millrace.spark.plan;

import dev.millrace.engine.operator.KeyedDeduplicate;
import dev.millrace.engine.operator.OperatorFactory;
import dev.millrace.spark.deduplicate.DeduplicationSpecification;
import dev.millrace.spark.deduplicate.RowIdentities;
import dev.millrace.spark.scala.Scala;
import java.util.List;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.execution.SparkPlan;
import scala.collection.immutable.Seq;

/** Lets the first row of each key through. */
public final class DeduplicateExec extends KeyedNode {
    private static final long serialVersionUID = 1L;

    private final boolean withinWatermark;

    /** @param withinWatermark whether a key is forgotten when the watermark's delay has passed since its first row */
    public DeduplicateExec(Seq<Attribute> keys, boolean withinWatermark, int keyGroupCount, SparkPlan child) {
        super(keys, keyGroupCount, child);
        this.withinWatermark = withinWatermark;
    }

    @Override
    OperatorFactory operator() {
        List<Attribute> input = Scala.list(onlyChild().output());
        return new KeyedDeduplicate.Factory(
                new RowIdentities(new DeduplicationSpecification(Scala.list(keys()), withinWatermark, input)),
                "%s[keys=%s]".formatted(withinWatermark ? "DeduplicateWithinWatermark" : "Deduplicate", names(keys())));
    }

    @Override
    public Seq<Attribute> output() {
        return onlyChild().output();
    }

    @Override
    public String nodeName() {
        return "MillraceDeduplicate";
    }

    @Override
    protected List<Object> fields() {
        return List.of(keys(), withinWatermark, keyGroupCount());
    }

    @Override
    protected SparkPlan over(List<SparkPlan> newChildren) {
        return new DeduplicateExec(keys(), withinWatermark, keyGroupCount(), newChildren.get(0));
    }
}
