package dev.millrace.spark.ui;

import java.util.List;
import org.apache.spark.util.kvstore.KVIndex;
import org.jspecify.annotations.Nullable;

/**
 * A query's run as an event log tells of it. The history server keeps it in memory or, by its components' names, on
 * disk.
 *
 * <p>Units: milliseconds since 1970-01-01T00:00:00Z, and bytes.
 *
 * @param endMillis when it ended, or 0 while the log does not say so
 * @param lastMillis of the last event
 * @param progressCount how many {@link StoredProgress} it had
 * @param operators what its stateful operators kept last, and what they had done by then
 * @param error what ended it
 */
public record StoredRun(
        String runId,
        String id,
        @Nullable String name,
        String sink,
        long startMillis,
        long endMillis,
        long lastMillis,
        long progressCount,
        int recoveries,
        List<Operator> operators,
        @Nullable String error) {

    /** A stateful operator; what is counted, is counted since the run began. */
    public record Operator(
            String name,
            int tasks,
            long rows,
            long memoryBytes,
            long spilledRows,
            long spilledBytes,
            long updated,
            long removed,
            long late,
            long duplicates) {}

    public StoredRun {
        operators = List.copyOf(operators);
    }

    /** By which it is found. */
    @KVIndex
    public String runId() {
        return runId;
    }
}
