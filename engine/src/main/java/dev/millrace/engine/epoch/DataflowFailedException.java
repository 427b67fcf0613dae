package dev.millrace.engine.epoch;

/** A task, reader or writer of the dataflow failed; the cause is what it threw. */
public final class DataflowFailedException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final String where;

    public DataflowFailedException(String where, Throwable cause) {
        super("Cannot go on: %s failed.".formatted(where), cause);
        this.where = where;
    }

    /** The stage and task, reader or writer that failed. */
    public String where() {
        return where;
    }

    /** What it threw; never null. */
    @Override
    public synchronized Throwable getCause() {
        return java.util.Objects.requireNonNull(super.getCause());
    }
}
