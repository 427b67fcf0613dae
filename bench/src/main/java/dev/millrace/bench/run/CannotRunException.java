package dev.millrace.bench.run;

/** An engine cannot do a case, or did it wrongly. Its message is the reason that the report shows. */
public final class CannotRunException extends Exception {
    private static final long serialVersionUID = 1L;

    public CannotRunException(String reason) {
        super(reason);
    }
}
