package dev.millrace.bench.workload;

/**
 * Takes one row column by column, in whatever form an engine has rows. What is not wanted may be left out, so
 * that an engine which reads a few columns does not pay for the others. Columns that are not set are null.
 *
 * <p>Thread: one owner.
 */
public interface RowTarget {
    /** Whether the engine reads this column. */
    boolean wants(int column);

    void setInt(int column, int value);

    void setLong(int column, long value);

    void setDouble(int column, double value);

    /** Takes UTF-8, which nobody changes. */
    void setString(int column, byte[] utf8);

    /** Takes milliseconds since 1970. */
    void setTime(int column, long millis);
}
