package dev.millrace.spark.source;

import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.spark.scala.Scala;
import java.io.InterruptedIOException;
import java.nio.channels.ClosedByInterruptException;

/** Names the source in what its stream threw. */
final class SourceFailure {
    private SourceFailure() {}

    /**
     * Wraps a failure, and rethrows as they are what is one already, what kills the process, and
     * interrupts, by whose class a stop is told from a failure.
     */
    static RuntimeException of(String source, String what, Throwable failure) {
        if (failure instanceof MillraceException
                || failure instanceof InterruptedException
                || failure instanceof InterruptedIOException
                || failure instanceof ClosedByInterruptException
                || failure instanceof VirtualMachineError) {
            throw Scala.sneaky(failure);
        }
        return new MillraceException(
                ErrorCode.SOURCE_FAILED,
                "Cannot %s: source=%s, error=%s. Check that it can be reached and holds what the query reads."
                        .formatted(what, source, failure),
                failure);
    }
}
