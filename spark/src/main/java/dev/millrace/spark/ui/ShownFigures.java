package dev.millrace.spark.ui;

import dev.millrace.spark.metrics.QueryFigures;
import dev.millrace.spark.metrics.QueryRegistry;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * What the tab's pages show: the queries of a running application, or of one that has ended.
 *
 * <p>Thread: any.
 */
interface ShownFigures {
    QueriesView queries();

    /**
     * One run, or null where it is not known.
     *
     * @param since what of its history came after that moment
     */
    @Nullable
    QueryView query(UUID runId, long since);

    /** Those of an application that is running. */
    static ShownFigures of(QueryRegistry queries) {
        return new ShownFigures() {
            @Override
            public QueriesView queries() {
                return QueriesView.of(queries.all());
            }

            @Override
            public @Nullable QueryView query(UUID runId, long since) {
                QueryFigures query = queries.find(runId);
                return query == null ? null : QueryView.of(query, since);
            }
        };
    }
}
