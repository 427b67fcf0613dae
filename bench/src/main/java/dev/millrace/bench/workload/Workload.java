package dev.millrace.bench.workload;

import java.util.List;

/**
 * A question that every engine is asked about the same rows.
 *
 * @param id as in {@code --work}
 * @param table as {@link Rows#of} has it
 * @param keyCount keys of the table
 * @param key the columns by which a later row takes an earlier one's place; none where every row stays
 * @param watermarkSeconds how late a row may be; 0 where event time does not matter
 * @param closedBy the column with the time at which a row is final, where rows come when a watermark passes; or ""
 * @param sparkSql for Spark; empty where its API is needed, see the Spark programs
 * @param flinkSql for Flink; empty where its API is needed
 */
public record Workload(
        String id,
        String description,
        String table,
        int keyCount,
        List<String> key,
        int watermarkSeconds,
        String closedBy,
        String sparkSql,
        String flinkSql) {
    /** Whether later rows take the place of earlier ones. */
    public boolean updates() {
        return !key.isEmpty();
    }

    public Rows rows() {
        return Rows.of(table, keyCount);
    }
}
