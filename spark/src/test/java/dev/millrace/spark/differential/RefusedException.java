package dev.millrace.spark.differential;

import org.apache.spark.sql.AnalysisException;

/** Spark does not stream a query. */
final class RefusedException extends Exception {
    private static final long serialVersionUID = 1L;

    RefusedException(AnalysisException cause) {
        super(cause);
    }
}
