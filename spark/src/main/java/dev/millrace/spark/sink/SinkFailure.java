package dev.millrace.spark.sink;

import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.spark.scala.Scala;
import org.apache.spark.SparkContext;
import org.apache.spark.SparkContext$;
import org.apache.spark.sql.execution.streaming.runtime.StreamExecution;
import org.apache.spark.sql.execution.streaming.sources.ForeachBatchUserFuncException;
import org.apache.spark.sql.execution.streaming.sources.ForeachUserFuncException;
import org.jspecify.annotations.Nullable;

/** Names the sink in what its write threw. */
final class SinkFailure {
    private SinkFailure() {}

    /**
     * Wraps a failure, and rethrows as they are what is one already, what kills the process, and
     * interrupts, by whose class a stop is told from a failure.
     */
    static RuntimeException of(String sink, String what, Throwable failure) {
        if (failure instanceof MillraceException || failure instanceof VirtualMachineError || isInterruption(failure)) {
            throw Scala.sneaky(failure);
        }
        if (failure instanceof ForeachUserFuncException user) {
            return userCode(what, sink, "ForeachWriter", user.getCause());
        }
        if (failure instanceof ForeachBatchUserFuncException user) {
            return userCode(what, sink, "function of foreachBatch", user.getCause());
        }
        return new MillraceException(
                ErrorCode.SINK_FAILED,
                "Cannot %s: sink=%s, error=%s. Check that it can be reached and takes such rows."
                        .formatted(what, sink, failure),
                failure);
    }

    private static MillraceException userCode(String what, String sink, String code, @Nullable Throwable cause) {
        return new MillraceException(
                ErrorCode.USER_CODE,
                "Cannot %s: sink=%s, error=%s. Look at the %s, which threw it.".formatted(what, sink, cause, code),
                cause);
    }

    /** Spark's own question, asked of the thread that knows its job group: also a job that a stop cancelled is one. */
    private static boolean isInterruption(Throwable failure) {
        SparkContext spark = Scala.optional(SparkContext$.MODULE$.getActive()).orElse(null);
        return spark != null && StreamExecution.isInterruptionException(failure, spark);
    }
}
