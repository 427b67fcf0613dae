package dev.millrace.spark.fragment;

import dev.millrace.spark.scala.Scala;
import org.apache.spark.rdd.RDD;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.execution.SparkPlan;
import scala.collection.immutable.IndexedSeq;
import scala.collection.immutable.Seq;

/** The leaf below a pulled fragment. Its field is the constructor's argument, as Spark's trees demand. */
public final class PulledInputExec extends SparkPlan {
    private static final long serialVersionUID = 1L;

    private final Seq<Attribute> output;

    public PulledInputExec(Seq<Attribute> output) {
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
        return new PulledInputRdd(sparkContext());
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
        return other instanceof PulledInputExec node && node.output.equals(output);
    }

    @Override
    public int hashCode() {
        return output.hashCode();
    }

    @Override
    public int productArity() {
        return 1;
    }

    @Override
    public Object productElement(int index) {
        return output;
    }
}
