package dev.millrace.spark.execution;

import dev.millrace.engine.epoch.DataflowFailedException;
import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;

/** Says in one message where a query broke, in which epoch, by what, and what to do. */
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

    private static String told(Throwable cause) {
        String text = cause instanceof MillraceException known ? String.valueOf(known.getMessage()) : cause.toString();
        return text.endsWith(".") ? text.substring(0, text.length() - 1) : text;
    }

    private static String advice(ErrorCode code) {
        return switch (code.kind()) {
            case USER -> "Look at the query's functions and at the rows that they are given.";
            case RETRYABLE -> "Once that is mended, start the query again; it goes on behind the last committed epoch.";
            case RESOURCE -> "Raise the limit that is named, or give the query less to hold.";
            case UNSUPPORTED -> "Change the query as the error says.";
            case CORRUPT -> "Restore the checkpoint's files, or start with a new checkpoint location.";
            case BUG -> "Please report this.";
        };
    }
}
