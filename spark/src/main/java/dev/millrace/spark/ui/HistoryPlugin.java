package dev.millrace.spark.ui;

import dev.millrace.spark.metrics.QueryRegistry;
import dev.millrace.spark.scala.Scala;
import org.apache.spark.SparkConf;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.sql.execution.streaming.runtime.StreamingQueryListenerBus;
import org.apache.spark.status.AppHistoryServerPlugin;
import org.apache.spark.status.ElementTrackingStore;
import org.apache.spark.ui.SparkUI;
import scala.collection.immutable.Seq;

/**
 * Shows the Real-Time tab of applications that have ended, in a history server that has Millrace's jar on its class
 * path. Found as a service.
 *
 * <p>Thread: any.
 */
public final class HistoryPlugin implements AppHistoryServerPlugin {
    @Override
    public Seq<SparkListener> createListeners(SparkConf conf, ElementTrackingStore store) {
        StreamingQueryListenerBus bus = new StreamingQueryListenerBus(Scala.none());
        bus.addListener(new HistoryListener(store, QueryRegistry.retained(conf)));
        return Scala.seq(bus);
    }

    /** An application without real-time queries has no tab, as with Spark's own of streaming. */
    @Override
    public void setupUI(SparkUI ui) {
        StoredFigures figures = new StoredFigures(ui.store().store());
        if (figures.isThereAny()) {
            RealTimeTab.attach(ui, figures);
        }
    }

    @Override
    public int displayOrder() {
        return RealTimeTab.BEHIND_STRUCTURED_STREAMING;
    }
}
