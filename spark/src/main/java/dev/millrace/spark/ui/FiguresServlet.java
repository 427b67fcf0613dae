package dev.millrace.spark.ui;

import com.fasterxml.jackson.databind.ObjectMapper;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * Gives the figures of all queries, or with {@code run} those of one, whose history is cut to what came after {@code
 * since}.
 *
 * <p>Thread: any.
 */
final class FiguresServlet extends HttpServlet {
    private static final long serialVersionUID = 1L;
    private static final ObjectMapper JSON = new ObjectMapper();

    private final transient ShownFigures queries;

    FiguresServlet(ShownFigures queries) {
        this.queries = queries;
    }

    @Override
    protected void doGet(HttpServletRequest request, HttpServletResponse response) throws IOException {
        Object view;
        try {
            view = view(request.getParameter("run"), request.getParameter("since"));
        } catch (IllegalArgumentException e) {
            response.sendError(HttpServletResponse.SC_BAD_REQUEST, "run is an id, and since a number");
            return;
        }
        if (view == null) {
            response.sendError(HttpServletResponse.SC_NOT_FOUND, "no such run is known any more");
            return;
        }
        response.setContentType("application/json;charset=utf-8");
        JSON.writeValue(response.getOutputStream(), view);
    }

    private @Nullable Object view(@Nullable String run, @Nullable String since) {
        return run == null
                ? queries.queries()
                : queries.query(UUID.fromString(run), since == null ? 0 : Long.parseLong(since));
    }

    @Override
    protected void doTrace(HttpServletRequest request, HttpServletResponse response) throws IOException {
        response.sendError(HttpServletResponse.SC_METHOD_NOT_ALLOWED);
    }
}
