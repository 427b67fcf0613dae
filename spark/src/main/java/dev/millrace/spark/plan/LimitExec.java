package dev.millrace.spark.plan;

import dev.millrace.engine.operator.OperatorFactory;
import dev.millrace.engine.operator.RowLimit;
import dev.millrace.spark.scala.Scala;
import java.util.List;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.execution.SparkPlan;
import scala.collection.immutable.Seq;

/** Lets the first rows through, of all or of each epoch. */
public final class LimitExec extends KeyedNode {
    private static final long serialVersionUID = 1L;

    private final int limit;
    private final boolean ofEachEpoch;

    public LimitExec(int limit, boolean ofEachEpoch, int keyGroupCount, SparkPlan child) {
        super(Scala.emptySeq(), keyGroupCount, child);
        this.limit = limit;
        this.ofEachEpoch = ofEachEpoch;
    }

    @Override
    OperatorFactory operator() {
        return new RowLimit.Factory(limit, ofEachEpoch);
    }

    @Override
    public Seq<Attribute> output() {
        return onlyChild().output();
    }

    @Override
    public String nodeName() {
        return "MillraceLimit";
    }

    @Override
    protected List<Object> fields() {
        return List.of(limit, ofEachEpoch, keyGroupCount());
    }

    @Override
    protected SparkPlan over(List<SparkPlan> newChildren) {
        return new LimitExec(limit, ofEachEpoch, keyGroupCount(), newChildren.get(0));
    }
}
