package dev.millrace.spark.execution;

import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.spark.late.LateSink;
import dev.millrace.spark.plan.PlanRequest.LateRowTarget;
import dev.millrace.spark.scala.Scala;
import dev.millrace.spark.sink.SparkSink;
import dev.millrace.spark.sink.StreamingWrites;
import dev.millrace.spark.sink.WriteRequest;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.connector.catalog.SupportsWrite;
import org.apache.spark.sql.connector.distributions.UnspecifiedDistribution;
import org.apache.spark.sql.connector.write.RequiresDistributionAndOrdering;
import org.apache.spark.sql.connector.write.Write;
import org.apache.spark.sql.connector.write.streaming.StreamingWrite;
import org.apache.spark.sql.util.CaseInsensitiveStringMap;
import org.jspecify.annotations.Nullable;

/**
 * What a query writes to: its sink, and the one for late rows where it has one.
 *
 * <p>Thread: {@link #check} whoever starts the query, the rest the query's.
 */
final class QuerySinks {
    private final MillraceExecution query;
    private final QueryRequest request;

    QuerySinks(MillraceExecution query, QueryRequest request) {
        this.query = query;
        this.request = request;
    }

    /**
     * Opens all of them once, so that what is wrong shows before the query starts.
     *
     * <p>Errors: UNSUPPORTED_…, Spark's own.
     */
    void check() {
        SparkSession session = request.session();
        checkWrite();
        LateSink.of(session)
                .ifPresent(late -> session.withActive(() -> late.write(writeRequest(session, query.analyzedPlan()))));
    }

    private void checkWrite() {
        try {
            request.session().withActive(() -> streamingWrite(request.session(), query.analyzedPlan()));
        } catch (IllegalArgumentException e) {
            throw new MillraceException(
                    ErrorCode.UNSUPPORTED_OUTPUT_MODE,
                    "Cannot write on Millrace: sink=%s does not take outputMode=%s. Choose another of the two."
                            .formatted(StreamingWrites.nameOf(query.sink()), query.outputMode()),
                    e);
        }
    }

    private StreamingWrite streamingWrite(SparkSession session, LogicalPlan plan) {
        return StreamingWrites.of(
                writeRequest(session, plan), () -> connectorWrite(plan).toStreaming());
    }

    private WriteRequest writeRequest(SparkSession session, LogicalPlan plan) {
        return new WriteRequest(
                session,
                query.sink(),
                new CaseInsensitiveStringMap(Scala.map(request.options())),
                plan.schema(),
                query.outputMode(),
                query.id().toString(),
                query.resolvedCheckpointRoot(),
                request.pace().intervalMillis(),
                request.pace().isBounded());
    }

    private Write connectorWrite(LogicalPlan plan) {
        Write write = query.createWrite((SupportsWrite) query.sink(), request.options(), plan);
        if (write instanceof RequiresDistributionAndOrdering demanding
                && (demanding.requiredOrdering().length > 0
                        || !(demanding.requiredDistribution() instanceof UnspecifiedDistribution))) {
            throw new MillraceException(
                    ErrorCode.UNSUPPORTED_SINK,
                    ("Cannot write on Millrace: sink=%s asks for rows that are distributed or ordered in batches. "
                                    + "Switch that off in the table's settings, or set spark.millrace.enabled=false and use "
                                    + "Trigger.ProcessingTime.")
                            .formatted(StreamingWrites.nameOf(query.sink())));
        }
        return write;
    }

    SparkSink openSink(SparkSession session, ClassLoader loader) {
        LogicalPlan plan = query.logicalPlan();
        return new SparkSink(
                StreamingWrites.nameOf(query.sink()),
                plan.output().size(),
                loader,
                () -> Scala.cast(session.withActive(() -> streamingWrite(session, plan))));
    }

    /** Where late rows go, or null where they are only counted. Errors: UNSUPPORTED_…, Spark's own. */
    @Nullable
    LateRowTarget openLateSink(SparkSession session, ClassLoader loader) {
        LateSink late = LateSink.of(session).orElse(null);
        if (late == null) {
            return null;
        }
        LogicalPlan plan = query.logicalPlan();
        SparkSink sink = new SparkSink(
                late.name(),
                late.layout().schema().size(),
                loader,
                () -> Scala.cast(session.withActive(() -> late.write(writeRequest(session, plan)))));
        return new LateRowTarget(sink, late.layout());
    }
}
