package dev.millrace.spark.differential;

import java.util.ArrayList;
import java.util.List;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.types.StructType;

/**
 * The rows of one source, by partition, each with the order in which it gives them.
 *
 * @param schema the columns, among them {@code k}, the event time {@code ts} and a number {@code n} that is
 *     below 0 for rows that every filter lets pass
 */
record EventTable(StructType schema, List<List<Row>> partitions) {
    /** All rows, in any order. */
    List<Row> rows() {
        List<Row> all = new ArrayList<>();
        partitions.forEach(all::addAll);
        return all;
    }

    /** Whether a row is behind every watermark that its partition's first row has moved. */
    boolean isLate(Row row) {
        int time = schema.fieldIndex("ts");
        return !row.isNullAt(time) && RandomTables.isLate(row.getTimestamp(time));
    }

    int[] counts() {
        return partitions.stream().mapToInt(List::size).toArray();
    }
}
