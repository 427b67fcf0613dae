package dev.millrace.spark.sink;

import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.spark.scala.Scala;
import java.io.InterruptedIOException;
import java.nio.channels.ClosedByInterruptException;
import org.apache.spark.sql.execution.streaming.sources.ForeachUserFuncException;

/** Names the sink in what its write threw. */
final class SinkFailure {
    private SinkFailure() {}

    /**
     * Wraps a failure, and rethrows as they are what is one already, what kills the process, and
     * interrupts, by whose class a stop is told from a failure.
     */
    static RuntimeException of(String sink, String what, Throwable failure) {
        if (failure instanceof MillraceException
                || failure instanceof InterruptedException
                || failure instanceof InterruptedIOException
                || failure instanceof ClosedByInterruptException
                || failure instanceof VirtualMachineError) {
            throw Scala.sneaky(failure);
        }
        if (failure instanceof ForeachUserFuncException user) {
            return new MillraceException(
                    ErrorCode.USER_CODE,
                    "Cannot %s: sink=%s, error=%s. Look at the ForeachWriter, which threw it."
                            .formatted(what, sink, user.getCause()),
                    user.getCause());
        }
        return new MillraceException(
                ErrorCode.SINK_FAILED,
                "Cannot %s: sink=%s, error=%s. Check that it can be reached and takes such rows."
                        .formatted(what, sink, failure),
                failure);
    }
}
