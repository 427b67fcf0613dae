package dev.millrace.spark.execution;

import dev.millrace.engine.epoch.DataflowFailedException;
import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.ErrorKind;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.spark.execution.RecoveryPolicy.Failure;
import dev.millrace.spark.metrics.FailureFigures;
import java.util.concurrent.TimeUnit;

/** Says in one message where a query broke, in which epoch, by what, and what to do; and of what kind that is. */
final class QueryFailure {
    private QueryFailure() {}

    /**
     * What the query ends with.
     *
     * @param epoch the epoch under way
     */
    static MillraceException of(DataflowFailedException failure, long epoch) {
        Throwable cause = failure.getCause();
        ErrorCode code = cause instanceof MillraceException known ? known.code() : ErrorCode.USER_CODE;
        return new MillraceException(
                code,
                "Cannot go on: failed=%s, epoch=%d, error=%s. %s"
                        .formatted(failure.where(), epoch, told(cause), advice(code)),
                cause);
    }

    /** How the policy sees what broke the query, be it in its dataflow or on its own thread. */
    static Failure classify(Throwable failure) {
        String where = "query";
        Throwable cause = failure;
        if (failure instanceof DataflowFailedException inDataflow) {
            where = inDataflow.where();
            cause = inDataflow.getCause();
        }
        return new Failure(kindOf(failure, cause), isOfWorker(cause), where, told(cause));
    }

    private static boolean isOfWorker(Throwable cause) {
        return cause instanceof MillraceException known
                && (known.code() == ErrorCode.WORKER_LOST || known.code() == ErrorCode.CONNECTION_FAILED);
    }

    /** What is shown of a failure. */
    static FailureFigures figures(Throwable failure, Failure classified, long epoch, RecoveryPolicy.Verdict verdict) {
        Throwable cause = failure instanceof DataflowFailedException inDataflow ? inDataflow.getCause() : failure;
        return new FailureFigures(
                System.currentTimeMillis() - TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - heardNanos(failure)),
                epoch,
                classified.where(),
                classified.kind().name(),
                classified.error(),
                FailureFigures.stackOf(cause),
                verdict.goesOn()
                        ? "went on from the checkpoint, attempt %d".formatted(verdict.attempt())
                        : "ended the query: " + verdict.reason());
    }

    /** When the driver heard of a failure that its query's thread has only just caught. */
    static long heardNanos(Throwable failure) {
        return failure instanceof DataflowFailedException inDataflow ? inDataflow.heardNanos() : System.nanoTime();
    }

    /** Tasks run the query's code, so what they throw is its own; the query's thread runs logs, sources and sinks. */
    private static ErrorKind kindOf(Throwable failure, Throwable cause) {
        if (cause instanceof MillraceException known) {
            return known.kind();
        }
        if (cause instanceof VirtualMachineError) {
            return ErrorKind.BUG; // nothing that is done in this process can be relied on
        }
        return failure == cause ? ErrorKind.RETRYABLE : ErrorKind.USER;
    }

    /** The error in a few words, without a full stop. */
    static String told(Throwable cause) {
        String text = cause instanceof MillraceException known ? String.valueOf(known.getMessage()) : cause.toString();
        return text.endsWith(".") ? text.substring(0, text.length() - 1) : text;
    }

    private static String advice(ErrorCode code) {
        return switch (code.kind()) {
            case USER -> "Look at the query's functions and at the rows that they are given.";
            case RETRYABLE -> "Once that is mended, start the query again; it goes on behind the last committed epoch.";
            case RESOURCE -> "Raise the limit that is named, or give the query less to hold.";
            case UNSUPPORTED -> "Change the query as the error says.";
            case CORRUPT ->
                "What is gone must be restored from elsewhere, or the query be started with a new checkpoint location.";
            case BUG -> "Please report this.";
        };
    }
}
