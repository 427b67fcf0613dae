package dev.millrace.spark.plan;

import java.util.List;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.execution.SparkPlan;
import scala.collection.immutable.Seq;

/** Makes sure that the user's code gives no rows that the watermark has passed. */
public final class EventTimeGuardExec extends StreamNode {
    private static final long serialVersionUID = 1L;

    private final Attribute eventTime;
    private final Seq<Attribute> output;

    /** @param output the child's, its event time column marked with the delay */
    public EventTimeGuardExec(Attribute eventTime, Seq<Attribute> output, SparkPlan child) {
        super(List.of(child));
        this.eventTime = eventTime;
        this.output = output;
    }

    Attribute eventTime() {
        return eventTime;
    }

    @Override
    public Seq<Attribute> output() {
        return output;
    }

    @Override
    public String nodeName() {
        return "MillraceEventTimeGuard";
    }

    @Override
    protected List<Object> fields() {
        return List.of(eventTime, output);
    }

    @Override
    protected SparkPlan over(List<SparkPlan> newChildren) {
        return new EventTimeGuardExec(eventTime, output, newChildren.get(0));
    }
}
