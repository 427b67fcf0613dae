package dev.millrace.spark.plan;

import dev.millrace.spark.scala.Scala;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.apache.spark.sql.catalyst.analysis.MultiInstanceRelation;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.catalyst.expressions.AttributeMap$;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.catalyst.plans.logical.Statistics;
import scala.collection.immutable.IndexedSeq;
import scala.collection.immutable.Seq;

/**
 * Stands for one source of the stream while Spark optimises. Its fields are the constructor's
 * arguments in their order, as Spark's trees demand.
 */
public final class SourceNode extends LogicalPlan implements MultiInstanceRelation {
    private static final long serialVersionUID = 1L;

    /** More than anything may be broadcast. */
    private static final long ENDLESS_BYTES = 1L << 60;

    private final int sourceIndex;
    private final String name;
    private final Seq<Attribute> output;

    public SourceNode(int sourceIndex, String name, Seq<Attribute> output) {
        this.sourceIndex = sourceIndex;
        this.name = name;
        this.output = output;
    }

    int sourceIndex() {
        return sourceIndex;
    }

    String sourceName() {
        return name;
    }

    @Override
    public Seq<Attribute> output() {
        return output;
    }

    @Override
    public boolean isStreaming() {
        return true;
    }

    @Override
    public Statistics stats() {
        return new Statistics(
                scala.math.BigInt.apply(ENDLESS_BYTES), Scala.none(), AttributeMap$.MODULE$.empty(), false);
    }

    @Override
    public LogicalPlan newInstance() {
        List<Attribute> renewed = new ArrayList<>();
        for (Attribute attribute : Scala.<Attribute>list(output)) {
            renewed.add(attribute.newInstance());
        }
        return new SourceNode(sourceIndex, name, Scala.seq(renewed));
    }

    @Override
    public Seq<LogicalPlan> children() {
        return Scala.emptySeq();
    }

    @Override
    public LogicalPlan withNewChildrenInternal(IndexedSeq<LogicalPlan> newChildren) {
        return this;
    }

    @Override
    public String nodeName() {
        return "MillraceSource";
    }

    @Override
    public boolean canEqual(Object other) {
        return other instanceof SourceNode;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof SourceNode node
                && sourceIndex == node.sourceIndex
                && name.equals(node.name)
                && output.equals(node.output);
    }

    @Override
    public int hashCode() {
        return Objects.hash(sourceIndex, name, output);
    }

    @Override
    public int productArity() {
        return 3;
    }

    @Override
    public Object productElement(int index) {
        return switch (index) {
            case 0 -> sourceIndex;
            case 1 -> name;
            default -> output;
        };
    }
}
