package dev.millrace.engine.operator;

/** How often an operator whose results change says so, in update mode. */
public enum Emission {
    /** After every row: each change is a row. */
    EVERY_CHANGE,

    /** At most once per key and page, after the page's last row: at a trickle, that is every change. */
    PER_PAGE,

    /**
     * At most once per key and epoch, at its barrier, as a micro-batch does: for sinks that take an
     * epoch as a whole and may rely on there being one row for a key.
     */
    PER_EPOCH
}
