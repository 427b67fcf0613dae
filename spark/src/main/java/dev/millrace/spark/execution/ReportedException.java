package dev.millrace.spark.execution;

import dev.millrace.engine.error.ErrorKind;
import dev.millrace.engine.error.MillraceException;
import org.apache.spark.SparkThrowable;

/**
 * An error as it leaves Millrace: with its class and an SQLSTATE where Spark looks for them, so that listeners hear the
 * class and Spark Connect hands it on to its clients, which know no class of Millrace's own.
 */
public final class ReportedException extends MillraceException implements SparkThrowable {
    private static final long serialVersionUID = 1L;

    private ReportedException(MillraceException error) {
        super(error);
    }

    public static ReportedException of(MillraceException error) {
        return error instanceof ReportedException reported ? reported : new ReportedException(error);
    }

    /** The same for what may be an error of Millrace's own; else {@code failure} as it is. */
    static Throwable of(Throwable failure) {
        return failure instanceof MillraceException error ? of(error) : failure;
    }

    @Override
    public String getCondition() {
        return code().id();
    }

    @Override
    public String getSqlState() {
        return sqlState(kind());
    }

    /** The standard's or Spark's own state that comes nearest. */
    static String sqlState(ErrorKind kind) {
        return switch (kind) {
            case USER -> "39000"; // as Spark's for functions that fail
            case UNSUPPORTED -> "0A000";
            case RETRYABLE -> "58030";
            case RESOURCE -> "53000";
            case CORRUPT -> "XXKST"; // as Spark's for state that cannot be read
            case BUG -> "XX000";
        };
    }
}
