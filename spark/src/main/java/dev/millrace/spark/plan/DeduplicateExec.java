package dev.millrace.spark.plan;

import dev.millrace.engine.operator.KeyedDeduplicate;
import dev.millrace.engine.operator.OperatorFactory;
import dev.millrace.engine.snapshot.StateSchema;
import dev.millrace.spark.deduplicate.DeduplicationSpecification;
import dev.millrace.spark.deduplicate.RowIdentities;
import dev.millrace.spark.key.StateColumns;
import dev.millrace.spark.scala.Scala;
import java.util.List;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.execution.SparkPlan;
import org.apache.spark.sql.types.StructType;
import scala.collection.immutable.Seq;

/** Lets the first row of each key through. */
public final class DeduplicateExec extends KeyedNode {
    private static final long serialVersionUID = 1L;

    private final Kind kind;

    /** What the user wrote. */
    public enum Kind {
        DUPLICATES,
        /** A key is forgotten when the watermark's delay has passed since its first row. */
        DUPLICATES_WITHIN_WATERMARK,
        /** An aggregation without functions, which gives a key again in each micro-batch in which it comes again. */
        DISTINCT
    }

    public DeduplicateExec(Seq<Attribute> keys, Kind kind, int keyGroupCount, SparkPlan child) {
        super(keys, keyGroupCount, child);
        this.kind = kind;
    }

    Kind kind() {
        return kind;
    }

    @Override
    OperatorFactory operator() {
        boolean withinWatermark = kind == Kind.DUPLICATES_WITHIN_WATERMARK;
        List<Attribute> input = Scala.list(onlyChild().output());
        return new KeyedDeduplicate.Factory(
                new RowIdentities(new DeduplicationSpecification(Scala.list(keys()), withinWatermark, input)),
                "%s[keys=%s]".formatted(withinWatermark ? "DeduplicateWithinWatermark" : "Deduplicate", names(keys())),
                kind == Kind.DISTINCT,
                List.of(StateColumns.schema(0, "keys", StateSchema.Kind.VALUE, Scala.list(keys()), new StructType())));
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
        return List.of(keys(), kind, keyGroupCount());
    }

    @Override
    protected SparkPlan over(List<SparkPlan> newChildren) {
        return new DeduplicateExec(keys(), kind, keyGroupCount(), newChildren.get(0));
    }
}
