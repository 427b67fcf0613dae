package dev.millrace.spark.plan;

import java.util.List;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.execution.SparkPlan;
import scala.collection.immutable.Seq;

/** Stands for one source of the stream in the physical plan. */
public final class SourceExec extends StreamNode {
    private static final long serialVersionUID = 1L;

    private final int sourceIndex;
    private final String name;
    private final Seq<Attribute> output;

    public SourceExec(int sourceIndex, String name, Seq<Attribute> output) {
        super(List.of());
        this.sourceIndex = sourceIndex;
        this.name = name;
        this.output = output;
    }

    int sourceIndex() {
        return sourceIndex;
    }

    @Override
    public Seq<Attribute> output() {
        return output;
    }

    @Override
    public String nodeName() {
        return "MillraceSource";
    }

    @Override
    protected List<Object> fields() {
        return List.of(sourceIndex, name, output);
    }

    @Override
    protected SparkPlan over(List<SparkPlan> newChildren) {
        return this;
    }
}
