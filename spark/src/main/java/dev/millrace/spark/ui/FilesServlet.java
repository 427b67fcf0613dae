package dev.millrace.spark.ui;

import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.io.InputStream;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Gives the scripts and styles of the pages, which are packed in the jar. Spark's own handler of static files looks
 * where Spark itself was loaded from, and a jar that came by {@code --jars} is not there.
 *
 * <p>Thread: any.
 */
final class FilesServlet extends HttpServlet {
    private static final long serialVersionUID = 1L;
    private static final String SCRIPT = "text/javascript;charset=utf-8";
    private static final String STYLE = "text/css;charset=utf-8";

    /** All that there is, and what it is. */
    private static final Map<String, String> TYPES = Map.of(
            "page.css", STYLE,
            "page.js", SCRIPT,
            "queries.js", SCRIPT,
            "query.js", SCRIPT,
            "graph.js", SCRIPT,
            "charts.js", SCRIPT,
            "elements.js", SCRIPT,
            "text.js", SCRIPT,
            "uPlot.min.css", STYLE,
            "uPlot.iife.min.js", SCRIPT);

    @Override
    protected void doGet(HttpServletRequest request, HttpServletResponse response) throws IOException {
        String path = request.getPathInfo() == null ? request.getServletPath() : request.getPathInfo();
        String name = path.substring(path.lastIndexOf('/') + 1);
        String type = TYPES.get(name);
        @Nullable InputStream file = type == null ? null : FilesServlet.class.getResourceAsStream(name);
        if (file == null) {
            response.sendError(HttpServletResponse.SC_NOT_FOUND);
            return;
        }
        try (file) {
            response.setContentType(type);
            file.transferTo(response.getOutputStream());
        }
    }

    @Override
    protected void doTrace(HttpServletRequest request, HttpServletResponse response) throws IOException {
        response.sendError(HttpServletResponse.SC_METHOD_NOT_ALLOWED);
    }
}
