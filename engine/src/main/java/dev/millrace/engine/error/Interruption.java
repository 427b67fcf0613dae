package dev.millrace.engine.error;

import java.io.InterruptedIOException;
import java.nio.channels.ClosedByInterruptException;

/** Tells an interrupted wait from a failure, whatever class it comes as. */
public final class Interruption {
    /** Kafka's own, which the engine knows by name alone. */
    private static final String OF_KAFKA = "InterruptException";

    private Interruption() {}

    public static boolean is(Throwable error) {
        return error instanceof InterruptedException
                || error instanceof InterruptedIOException
                || error instanceof ClosedByInterruptException
                || error.getClass().getSimpleName().equals(OF_KAFKA);
    }

    /** Whether the error, or what caused it, is one. */
    public static boolean isIn(Throwable error) {
        for (Throwable cause = error; cause != null; cause = cause.getCause()) {
            if (is(cause)) {
                return true;
            }
        }
        return false;
    }
}
