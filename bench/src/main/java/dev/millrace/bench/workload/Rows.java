package dev.millrace.bench.workload;

import java.io.Serializable;
import java.util.List;

/**
 * An endless table, each row of which follows from its index alone: engines that read it in whatever order and
 * with whatever parallelism read the same rows.
 *
 * <p>Thread: any.
 */
public interface Rows extends Serializable {
    List<Column> columns();

    /** Gives the row at {@code index}, from 0, to {@code target}. */
    void write(long index, RowTarget target);

    /** The event time of the row at {@code index}, in milliseconds since 1970; 0 where rows have none. */
    long millis(long index);

    /** The table of that name; {@code keyCount} matters to those that have keys. */
    static Rows of(String table, int keyCount) {
        return switch (table) {
            case "longs" -> new LongRows(keyCount);
            case NexmarkQueries.TABLE -> new NexmarkRows();
            case "transactions" -> new TransactionRows(keyCount);
            default -> throw new IllegalArgumentException("Cannot generate: unknown table=%s.".formatted(table));
        };
    }
}
