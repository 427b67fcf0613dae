package dev.millrace.spark.ui;

import dev.millrace.spark.scala.Scala;
import jakarta.servlet.http.HttpServletRequest;
import org.apache.spark.ui.UIUtils;
import org.apache.spark.ui.WebUIPage;
import scala.collection.immutable.Seq;
import scala.xml.Node;
import scala.xml.Unparsed;
import scala.xml.Utility$;

/**
 * A page's frame: Spark's header and footer, and an empty place that a script fills. Nothing of a query is in it, so
 * there is nothing to escape but the address that the application has.
 *
 * <p>Thread: any.
 */
final class RealTimePage extends WebUIPage {
    /** Which page it is. */
    enum Kind {
        QUERIES("", "Real-Time Queries"),
        QUERY("query", "Real-Time Query");

        private final String path;
        private final String title;

        Kind(String path, String title) {
            this.path = path;
            this.title = title;
        }
    }

    private static final String FRAME =
            """
            <link rel="stylesheet" href="%1$s/uPlot.min.css" type="text/css"/>
            <link rel="stylesheet" href="%1$s/page.css" type="text/css"/>
            <script src="%1$s/uPlot.iife.min.js"></script>
            <main id="millrace" class="millrace" data-page="%2$s" data-figures="%3$s/" data-tab="%4$s/">
            <noscript>This page needs JavaScript. The same figures are in the progress of the query.</noscript>
            </main>
            <script type="module" src="%1$s/page.js"></script>
            """;

    private final RealTimeTab tab;
    private final Kind kind;

    RealTimePage(RealTimeTab tab, Kind kind) {
        super(kind.path);
        this.tab = tab;
        this.kind = kind;
    }

    @Override
    public Seq<Node> render(HttpServletRequest request) {
        return UIUtils.headerSparkPage(
                request, kind.title, () -> frame(request), tab, Scala.none(), false, false, false);
    }

    private Seq<Node> frame(HttpServletRequest request) {
        String html = FRAME.formatted(
                address(request, RealTimeTab.FILES),
                kind.name().toLowerCase(java.util.Locale.ROOT),
                address(request, RealTimeTab.FIGURES),
                address(request, "/" + RealTimeTab.PREFIX));
        return Scala.seq(new Unparsed(html));
    }

    /** With what a proxy puts before all addresses. */
    private String address(HttpServletRequest request, String path) {
        return Utility$.MODULE$.escape(UIUtils.prependBaseUri(request, tab.basePath(), path));
    }
}
