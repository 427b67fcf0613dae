package dev.millrace.bench.chaos;

/** The run cannot go on, or has shown what must not be; the message is for the user. */
final class ChaosException extends Exception {
    private static final long serialVersionUID = 1L;

    ChaosException(String message) {
        super(message);
    }
}
