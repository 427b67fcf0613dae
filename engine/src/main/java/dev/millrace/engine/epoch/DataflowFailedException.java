package dev.millrace.engine.epoch;

/** A task, reader or writer of the dataflow failed; the cause is what it threw. */
public final class DataflowFailedException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final String where;
    private final long heardNanos;

    /** Of a failure that is heard of now. */
    public DataflowFailedException(String where, Throwable cause) {
        this(where, cause, System.nanoTime());
    }

    /** @param heardNanos when it was heard of, as {@link System#nanoTime} has it */
    DataflowFailedException(String where, Throwable cause, long heardNanos) {
        super("Cannot go on: %s failed.".formatted(where), cause);
        this.where = where;
        this.heardNanos = heardNanos;
    }

    /**
     * When whoever coordinates the dataflow heard of it: before the query's thread, which may have been busy with a
     * commit, and before anything was ended. Units: as {@link System#nanoTime}, in the process that made this.
     */
    public long heardNanos() {
        return heardNanos;
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
