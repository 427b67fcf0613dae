package dev.millrace.engine.error;

import org.jspecify.annotations.Nullable;

/**
 * An error with a stable class and a kind. Its message starts with the class in brackets and reads
 * <em>Cannot (do what): (fact, name=value). (What to change).</em>
 *
 * <p>Extended only where an error leaves Millrace, to say the same in the words of who hears it.
 */
public class MillraceException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final ErrorCode code;

    public MillraceException(ErrorCode code, String message) {
        this(code, message, null);
    }

    public MillraceException(ErrorCode code, String message, @Nullable Throwable cause) {
        super("[" + code.id() + "] " + message, cause);
        this.code = code;
    }

    /** The same error in another class, with the same stack. */
    protected MillraceException(MillraceException error) {
        super(error.getMessage(), error.getCause());
        this.code = error.code;
        setStackTrace(error.getStackTrace());
    }

    public ErrorCode code() {
        return code;
    }

    public ErrorKind kind() {
        return code.kind();
    }
}
