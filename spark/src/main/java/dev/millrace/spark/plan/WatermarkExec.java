package dev.millrace.spark.plan;

import java.util.List;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.execution.SparkPlan;
import scala.collection.immutable.Seq;

/** Finds the watermark of the rows that pass. */
public final class WatermarkExec extends StreamNode {
    private static final long serialVersionUID = 1L;

    private final String watermark;
    private final Attribute eventTime;
    private final long delayMillis;
    private final Seq<Attribute> output;

    /**
     * @param watermark tells this call of {@code withWatermark} from others
     * @param output the child's, its event time column marked with the delay
     */
    public WatermarkExec(
            String watermark, Attribute eventTime, long delayMillis, Seq<Attribute> output, SparkPlan child) {
        super(List.of(child));
        this.watermark = watermark;
        this.eventTime = eventTime;
        this.delayMillis = delayMillis;
        this.output = output;
    }

    String watermark() {
        return watermark;
    }

    Attribute eventTime() {
        return eventTime;
    }

    long delayMillis() {
        return delayMillis;
    }

    @Override
    public Seq<Attribute> output() {
        return output;
    }

    @Override
    public String nodeName() {
        return "MillraceWatermark";
    }

    @Override
    protected List<Object> fields() {
        return List.of(watermark, eventTime, delayMillis, output);
    }

    @Override
    protected SparkPlan over(List<SparkPlan> newChildren) {
        return new WatermarkExec(watermark, eventTime, delayMillis, output, newChildren.get(0));
    }
}
