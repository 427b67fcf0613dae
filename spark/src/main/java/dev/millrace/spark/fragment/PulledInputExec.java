package dev.millrace.spark.fragment;

import dev.millrace.spark.scala.Scala;
import java.util.Objects;
import org.apache.spark.rdd.RDD;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.execution.SparkPlan;
import scala.collection.immutable.IndexedSeq;
import scala.collection.immutable.Seq;

/** The leaf below a pulled fragment. Its fields are the constructor's arguments, as Spark's trees demand. */
public final class PulledInputExec extends SparkPlan {
    private static final long serialVersionUID = 1L;

    private final int taskCount;
    private final Seq<Attribute> output;

    public PulledInputExec(int taskCount, Seq<Attribute> output) {
        this.taskCount = taskCount;
        this.output = output;
    }

    @Override
    public Seq<Attribute> output() {
        return output;
    }

    @Override
    public Seq<SparkPlan> children() {
        return Scala.emptySeq();
    }

    @Override
    public SparkPlan withNewChildrenInternal(IndexedSeq<SparkPlan> newChildren) {
        return this;
    }

    @Override
    public RDD<InternalRow> doExecute() {
        return new PulledInputRdd(sparkContext(), taskCount);
    }

    @Override
    public String nodeName() {
        return "MillraceInput";
    }

    @Override
    public boolean canEqual(Object other) {
        return other instanceof PulledInputExec;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof PulledInputExec node && node.taskCount == taskCount && node.output.equals(output);
    }

    @Override
    public int hashCode() {
        return Objects.hash(taskCount, output);
    }

    @Override
    public int productArity() {
        return 2;
    }

    @Override
    public Object productElement(int index) {
        return index == 0 ? Integer.valueOf(taskCount) : output;
    }
}
