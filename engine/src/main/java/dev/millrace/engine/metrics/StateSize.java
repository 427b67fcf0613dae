package dev.millrace.engine.metrics;

/**
 * How much keyed state there is.
 *
 * @param rows all entries
 * @param memoryBytes what the state takes in memory
 * @param spilledRows those of the rows that are not in memory
 * @param spilledBytes what those take, before they are compressed
 */
public record StateSize(long rows, long memoryBytes, long spilledRows, long spilledBytes) {
    public static final StateSize NONE = new StateSize(0, 0, 0, 0);

    /** The size of state that is all in memory. */
    public static StateSize inMemory(long rows, long bytes) {
        return new StateSize(rows, bytes, 0, 0);
    }

    public StateSize plus(StateSize other) {
        return new StateSize(
                rows + other.rows,
                memoryBytes + other.memoryBytes,
                spilledRows + other.spilledRows,
                spilledBytes + other.spilledBytes);
    }
}
