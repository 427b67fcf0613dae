package dev.millrace.spark.batches;

import java.sql.Timestamp;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;

/**
 * Scripts out of text. A batch is a string: rows of one source are {@code key@second}, apart by blanks, {@code
 * key@null} without an event time; sources are apart by {@code ;}, and {@code |} at its end lets the query come to
 * rest. The value of a row is its number in the script.
 */
final class Scripts {
    static final StructType EVENTS = new StructType()
            .add("k", DataTypes.StringType)
            .add("v", DataTypes.LongType)
            .add("ts", DataTypes.TimestampType);

    private Scripts() {}

    static Script of(String... batches) {
        List<Script.Batch> made = new ArrayList<>();
        long number = 0;
        int sources = batches[0].split(";", -1).length;
        for (String batch : batches) {
            boolean rests = batch.endsWith("|");
            String[] perSource = (rests ? batch.substring(0, batch.length() - 1) : batch).split(";", -1);
            List<List<Row>> rows = new ArrayList<>();
            for (String source : perSource) {
                List<Row> ofSource = new ArrayList<>();
                for (String event : Arrays.stream(source.trim().split(" +"))
                        .filter(text -> !text.isEmpty())
                        .toList()) {
                    ofSource.add(event(event, number++));
                }
                rows.add(ofSource);
            }
            made.add(new Script.Batch(rows, rests));
        }
        List<StructType> schemas = new ArrayList<>();
        for (int i = 0; i < sources; i++) {
            schemas.add(EVENTS);
        }
        return new Script(schemas, made);
    }

    private static Row event(String text, long number) {
        String[] parts = text.split("@");
        Timestamp time = parts[1].equals("null") ? null : new Timestamp(Long.parseLong(parts[1]) * 1_000);
        return RowFactory.create(parts[0].equals("null") ? null : parts[0], number, time);
    }
}
