package dev.millrace.engine.error;

/** What kind of fault an error is; the coordinator decides by it, never by an error's text. */
public enum ErrorKind {
    /** The user's own code or data broke; trying again would break again. */
    USER,
    /** The query asks for something that Millrace does not run; refused before it starts. */
    UNSUPPORTED,
    /** The outside failed in a way that may pass: a broker out of reach, a storage time-out. */
    RETRYABLE,
    /** A limit was reached: memory, threads, disk. */
    RESOURCE,
    /** Stored bytes are not what was written. */
    CORRUPT,
    /** A fault of Millrace's own. */
    BUG
}
