package dev.millrace.spark.execution;

import java.util.concurrent.TimeoutException;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerApplicationEnd;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Ends a query with its application. Stock Spark's queries end because their next job is refused;
 * Millrace's run no jobs, and would go on without a context.
 *
 * <p>Thread: the listener bus's, for which a context that is being stopped waits.
 */
final class ApplicationEnd extends SparkListener {
    private static final Logger LOG = LoggerFactory.getLogger(ApplicationEnd.class);

    private final MillraceExecution query;

    ApplicationEnd(MillraceExecution query) {
        this.query = query;
    }

    @Override
    public void onApplicationEnd(SparkListenerApplicationEnd end) {
        try {
            query.stop();
        } catch (TimeoutException e) {
            LOG.warn("The application ends, and query {} does not.", query.label(), e);
        }
    }
}
