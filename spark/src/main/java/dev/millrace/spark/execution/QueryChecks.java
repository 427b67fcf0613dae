package dev.millrace.spark.execution;

import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.spark.scala.Scala;
import dev.millrace.spark.sink.StreamingWrites;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.InputFileBlockLength;
import org.apache.spark.sql.catalyst.expressions.InputFileBlockStart;
import org.apache.spark.sql.catalyst.expressions.InputFileName;
import org.apache.spark.sql.catalyst.plans.logical.Aggregate;
import org.apache.spark.sql.catalyst.plans.logical.Deduplicate;
import org.apache.spark.sql.catalyst.plans.logical.DeduplicateWithinWatermark;
import org.apache.spark.sql.catalyst.plans.logical.Distinct;
import org.apache.spark.sql.catalyst.plans.logical.FlatMapGroupsInPandasWithState;
import org.apache.spark.sql.catalyst.plans.logical.FlatMapGroupsWithState;
import org.apache.spark.sql.catalyst.plans.logical.GlobalLimit;
import org.apache.spark.sql.catalyst.plans.logical.Join;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.catalyst.plans.logical.TransformWithState;
import org.apache.spark.sql.catalyst.plans.logical.TransformWithStateInPySpark;
import org.apache.spark.sql.catalyst.streaming.StreamingRelationV2;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.connector.catalog.SupportsWrite;
import org.apache.spark.sql.connector.catalog.Table;
import org.apache.spark.sql.connector.catalog.TableCapability;
import org.apache.spark.sql.execution.streaming.runtime.StreamingRelation;
import org.apache.spark.sql.internal.SQLConf;
import scala.collection.immutable.Map;
import scala.runtime.BoxedUnit;

/**
 * Refuses what cannot run before the query starts and before its checkpoint is touched: sources,
 * sinks and options. Operators are the planner's to refuse.
 */
final class QueryChecks {
    private static final String ASYNC_PROGRESS = "asyncProgressTrackingEnabled";
    private static final String SINK_EVOLUTION = "spark.sql.streaming.queryEvolution.enableSinkEvolution";

    private QueryChecks() {}

    /** Errors: UNSUPPORTED_SOURCE, UNSUPPORTED_SINK. */
    static void check(QueryRequest request, LogicalPlan analyzed) {
        checkSink(request.sink());
        checkSources(request.session(), analyzed);
        checkFileFunctions(analyzed);
        checkOptions(request.options(), request.session().sessionState().conf());
    }

    private static void checkSink(Table sink) {
        if (StreamingWrites.writesTo(sink)
                || (sink instanceof SupportsWrite && sink.capabilities().contains(TableCapability.STREAMING_WRITE))) {
            return;
        }
        throw new MillraceException(
                ErrorCode.UNSUPPORTED_SINK,
                "Cannot write on Millrace: sink=%s takes no streaming writes. Use another, or write to it in foreachBatch."
                        .formatted(StreamingWrites.nameOf(sink)));
    }

    private static void checkSources(SparkSession session, LogicalPlan plan) {
        if (plan instanceof StreamingRelationV2 relation) {
            boolean unused = StreamMaker.readsBySecondInterface(session, relation);
        }
        for (LogicalPlan child : Scala.<LogicalPlan>list(plan.children())) {
            checkSources(session, child);
        }
    }

    /** They ask what file their own thread has open; here files are read on other threads. */
    private static void checkFileFunctions(LogicalPlan plan) {
        if (!plan.exists(node -> node instanceof StreamingRelation)) {
            return;
        }
        plan.foreach(node -> {
            for (Expression expression : Scala.<Expression>list(((LogicalPlan) node).expressions())) {
                var found = expression.find(QueryChecks::readsOpenFile);
                if (found.isDefined()) {
                    throw new MillraceException(
                            ErrorCode.UNSUPPORTED_OPERATOR,
                            ("Cannot tell on Millrace which file a row is from: function=%s. Use the column "
                                            + "_metadata.file_path, _metadata.file_block_start or "
                                            + "_metadata.file_block_length.")
                                    .formatted(found.get()));
                }
            }
            return BoxedUnit.UNIT;
        });
    }

    private static boolean readsOpenFile(Expression expression) {
        return expression instanceof InputFileName
                || expression instanceof InputFileBlockStart
                || expression instanceof InputFileBlockLength;
    }

    private static void checkOptions(Map<String, String> options, SQLConf conf) {
        if (options.contains(ASYNC_PROGRESS) && Boolean.parseBoolean(options.apply(ASYNC_PROGRESS))) {
            throw new MillraceException(
                    ErrorCode.UNSUPPORTED_SINK,
                    "Cannot start the query: option %s=true has no meaning on Millrace, which writes logs in their order. Leave it out."
                            .formatted(ASYNC_PROGRESS));
        }
        if (conf.enableStreamingSinkEvolution()) {
            throw new MillraceException(
                    ErrorCode.UNSUPPORTED_SINK,
                    "Cannot start the query: %s=true is not supported on Millrace. Set it to false."
                            .formatted(SINK_EVOLUTION));
        }
    }

    /** Whether the plan keeps state from row to row, told by its logical nodes. */
    static boolean isStateful(LogicalPlan plan) {
        if (plan.isStreaming() && keepsState(plan)) {
            return true;
        }
        for (LogicalPlan child : Scala.<LogicalPlan>list(plan.children())) {
            if (isStateful(child)) {
                return true;
            }
        }
        return false;
    }

    private static boolean keepsState(LogicalPlan node) {
        return node instanceof Aggregate
                || node instanceof Deduplicate
                || node instanceof DeduplicateWithinWatermark
                || node instanceof Distinct
                || node instanceof GlobalLimit
                || node instanceof FlatMapGroupsWithState
                || node instanceof FlatMapGroupsInPandasWithState
                || node instanceof TransformWithState
                || node instanceof TransformWithStateInPySpark
                || (node instanceof Join join
                        && join.left().isStreaming()
                        && join.right().isStreaming());
    }
}
