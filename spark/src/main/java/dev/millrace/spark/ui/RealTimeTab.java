package dev.millrace.spark.ui;

import dev.millrace.spark.metrics.QueryRegistry;
import dev.millrace.spark.scala.Scala;
import org.apache.spark.SparkContext;
import org.apache.spark.ui.SparkUI;
import org.apache.spark.ui.SparkUITab;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The tab of Spark's web UI that shows real-time queries. Its pages are shells that a script fills from {@link
 * FiguresServlet}; all go through the filters and access lists of Spark's other tabs, because Spark puts them before
 * every handler.
 *
 * <p>Thread: any.
 */
public final class RealTimeTab extends SparkUITab {
    private static final Logger LOG = LoggerFactory.getLogger(RealTimeTab.class);

    static final String PREFIX = "realtime";
    static final String FIGURES = "/" + PREFIX + "/figures";
    static final String FILES = "/static/millrace";

    static final int BEHIND_STRUCTURED_STREAMING = 3;

    private RealTimeTab(SparkUI ui) {
        super(ui, PREFIX);
    }

    /** Shows an application's real-time queries in its web UI, if it has one; once, however often it is called. */
    public static void attach(SparkContext spark) {
        Scala.optional(spark.ui()).ifPresent(ui -> {
            try {
                attachOnce(ui, ShownFigures.of(QueryRegistry.of(spark)));
            } catch (RuntimeException | LinkageError e) {
                LOG.warn("The Real-Time tab cannot be shown in this application's web UI; its queries run without.", e);
            }
        });
    }

    private static void attachOnce(SparkUI ui, ShownFigures queries) {
        synchronized (ui) {
            if (Scala.list(ui.getTabs()).stream().noneMatch(RealTimeTab.class::isInstance)) {
                attach(ui, queries);
            }
        }
    }

    /** Shows queries in the web UI of an application, which may be one page of the history server's. */
    static void attach(SparkUI ui, ShownFigures queries) {
        RealTimeTab tab = new RealTimeTab(ui);
        tab.attachPage(new RealTimePage(tab, RealTimePage.Kind.QUERIES));
        tab.attachPage(new RealTimePage(tab, RealTimePage.Kind.QUERY));
        ui.attachTab(tab);
        ui.attachHandler(tab.basePath() + FIGURES, new FiguresServlet(queries), "/");
        ui.attachHandler(tab.basePath() + FILES, new FilesServlet(), "/");
    }

    @Override
    public String name() {
        return "Real-Time";
    }

    @Override
    public int displayOrder() {
        return BEHIND_STRUCTURED_STREAMING;
    }
}
