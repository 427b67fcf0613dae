package dev.millrace.spark.metrics;

import java.io.PrintWriter;
import java.io.StringWriter;

/**
 * One failure.
 *
 * @param timeMillis when the driver heard of it: of a lost worker, when it counted it as lost
 * @param epoch the epoch under way
 * @param where the stage and task, reader or writer; or {@code query} for the query's own thread
 * @param kind what the error is, as {@code ErrorKind} names it
 * @param message what was thrown, in a few words
 * @param stack the whole of it
 * @param outcome what followed
 */
public record FailureFigures(
        long timeMillis, long epoch, String where, String kind, String message, String stack, String outcome) {
    private static final int LONGEST_STACK = 20_000;

    /** The text of a stack trace, cut where it is very long. */
    public static String stackOf(Throwable failure) {
        StringWriter text = new StringWriter();
        failure.printStackTrace(new PrintWriter(text));
        String all = text.toString();
        return all.length() <= LONGEST_STACK ? all : all.substring(0, LONGEST_STACK) + "\n\t…";
    }
}
