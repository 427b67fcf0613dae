package dev.millrace.spark.source;

import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.Interruption;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.spark.scala.Scala;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import org.apache.spark.SparkThrowable;

/** Names the source in what its stream threw. */
final class SourceFailure {
    private static final String KAFKA_DATA_LOSS = "KAFKA_DATA_LOSS";

    private SourceFailure() {}

    /**
     * Wraps a failure, and rethrows as they are what is one already, what kills the process, and
     * interrupts, by whose class a stop is told from a failure.
     */
    static RuntimeException of(String source, String what, Throwable failure) {
        if (failure instanceof MillraceException
                || Interruption.is(failure)
                || failure instanceof VirtualMachineError) {
            throw Scala.sneaky(failure);
        }
        return new MillraceException(
                isDataLoss(failure) ? ErrorCode.SOURCE_DATA_LOST : ErrorCode.SOURCE_FAILED,
                "Cannot %s: source=%s, error=%s. Check that it can be reached and holds what the query reads."
                        .formatted(what, source, told(failure)),
                failure);
    }

    /** Whether Spark's Kafka connector says that offsets are gone, which no second attempt brings back. */
    private static boolean isDataLoss(Throwable failure) {
        return failure instanceof SparkThrowable known
                && known.getCondition() != null
                && known.getCondition().startsWith(KAFKA_DATA_LOSS);
    }

    /** What to name: clients that work on threads of their own wrap what happened there. */
    private static Throwable told(Throwable failure) {
        Throwable told = failure;
        while ((told instanceof ExecutionException || told instanceof CompletionException) && told.getCause() != null) {
            told = told.getCause();
        }
        return told;
    }
}
