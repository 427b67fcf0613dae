package dev.millrace.engine.error;

/** The stable class of every error that Millrace raises, printed as {@code MILLRACE_<NAME>}. */
public enum ErrorCode {
    /** An operator of the query cannot run yet. */
    UNSUPPORTED_OPERATOR(ErrorKind.UNSUPPORTED),
    /** A source offers neither real-time nor continuous reads. */
    UNSUPPORTED_SOURCE(ErrorKind.UNSUPPORTED),
    /** A sink, or an option of it, takes no streaming writes that Millrace can drive. */
    UNSUPPORTED_SINK(ErrorKind.UNSUPPORTED),
    /** The output mode does not fit the query. */
    UNSUPPORTED_OUTPUT_MODE(ErrorKind.UNSUPPORTED),
    /** A trigger's interval is out of bounds. */
    UNSUPPORTED_TRIGGER(ErrorKind.UNSUPPORTED),
    /** A setting of Millrace's own has a value that it cannot follow. */
    UNSUPPORTED_SETTING(ErrorKind.UNSUPPORTED),
    /** A checkpoint cannot be continued by this query. */
    UNSUPPORTED_CHECKPOINT(ErrorKind.UNSUPPORTED),
    /** Another run has taken the query's checkpoint over; two on one checkpoint are not supported. */
    FENCED(ErrorKind.UNSUPPORTED),
    /** The user's code, or an expression over the user's data, threw. */
    USER_CODE(ErrorKind.USER),
    /** A source's reader failed. */
    SOURCE_FAILED(ErrorKind.RETRYABLE),
    /** Rows of a source were gone before they were read. */
    SOURCE_DATA_LOST(ErrorKind.CORRUPT),
    /** A sink's writer failed. */
    SINK_FAILED(ErrorKind.RETRYABLE),
    /** Rows that a sink held prepared are gone, and a commit cannot bring them back. */
    SINK_DATA_LOST(ErrorKind.CORRUPT),
    /** Keyed state outgrew its memory budget. */
    STATE_MEMORY(ErrorKind.RESOURCE),
    /** A row is larger than an engine limit. */
    ROW_TOO_LARGE(ErrorKind.RESOURCE),
    /** State could not be written to storage. */
    STATE_STORAGE(ErrorKind.RETRYABLE),
    /** A snapshot's bytes are not what was written. */
    STATE_CORRUPT(ErrorKind.CORRUPT),
    /** The connection between two workers broke, or one of them was not let in. */
    CONNECTION_FAILED(ErrorKind.RETRYABLE),
    /** There are fewer workers on executors than a query wants. */
    WORKERS_MISSING(ErrorKind.RETRYABLE),
    /** A worker's executor died, or the worker does not answer. */
    WORKER_LOST(ErrorKind.RETRYABLE),
    /** An invariant of the engine does not hold. */
    INVARIANT(ErrorKind.BUG);

    private final ErrorKind kind;

    ErrorCode(ErrorKind kind) {
        this.kind = kind;
    }

    public ErrorKind kind() {
        return kind;
    }

    /** The name that users see and search for, such as {@code MILLRACE_STATE_MEMORY}. */
    public String id() {
        return "MILLRACE_" + name();
    }
}
