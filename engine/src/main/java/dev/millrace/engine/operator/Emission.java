package dev.millrace.engine.operator;

/** When an aggregation gives its results. */
public enum Emission {
    /** After every row: each change is a row. */
    EVERY_CHANGE,

    /** At most once per key and page, after the page's last row: at a trickle, that is every change. */
    PER_PAGE,

    /**
     * At most once per key and epoch, at its barrier, as a micro-batch does: for sinks that take an
     * epoch as a whole and may rely on there being one row for a key.
     */
    PER_EPOCH,

    /**
     * All results at every barrier, changed or not, as complete mode wants them: for sinks that replace
     * what they have. Nothing is late, and nothing is dropped.
     */
    ALL_PER_EPOCH,

    /** Once per key, when the watermark passes its expiry time, as append mode wants it. */
    AT_EXPIRY
}
