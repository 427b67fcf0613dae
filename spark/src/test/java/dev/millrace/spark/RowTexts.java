package dev.millrace.spark;

import dev.millrace.spark.scala.Scala;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.Row;

/** Rows as text, by which tests compare them. */
public final class RowTexts {
    private RowTexts() {}

    public static List<String> texts(List<Row> rows) {
        return rows.stream().map(RowTexts::text).toList();
    }

    /** Text of a row, its fractions rounded: sums of another order differ in their last digits. */
    public static String text(Row row) {
        List<String> fields = new ArrayList<>();
        for (int i = 0; i < row.length(); i++) {
            fields.add(text(row.get(i)));
        }
        return fields.toString();
    }

    private static String text(Object value) {
        if (value instanceof Double fraction) {
            return fraction == 0 || Double.isNaN(fraction) ? "" + Math.abs(fraction) : "%.8e".formatted(fraction);
        }
        if (value instanceof Float fraction) {
            return fraction == 0 || Float.isNaN(fraction) ? "" + Math.abs(fraction) : "%.5e".formatted(fraction);
        }
        if (value instanceof Row row) {
            return text(row);
        }
        if (value instanceof byte[] bytes) {
            return java.util.HexFormat.of().formatHex(bytes);
        }
        if (value instanceof scala.collection.Map<?, ?> map) {
            List<String> entries = new ArrayList<>();
            Scala.list(map).forEach(entry -> entries.add(text(entry._1()) + "=" + text(entry._2())));
            Collections.sort(entries);
            return entries.toString();
        }
        if (value instanceof scala.collection.Iterable<?> elements) {
            List<String> texts = new ArrayList<>();
            Scala.<Object>list(elements).forEach(element -> texts.add(text(element)));
            return texts.toString();
        }
        return String.valueOf(value);
    }

    /** The last row for each key, which is made of that many leading columns. */
    public static Map<String, String> lastByKey(List<String> rows, int keyCount) {
        Map<String, String> last = new LinkedHashMap<>();
        for (String row : rows) {
            last.put(key(row, keyCount), row);
        }
        return last;
    }

    /** The text up to the comma, outside of brackets, behind the last key column. */
    private static String key(String row, int keyCount) {
        int depth = 0;
        int commas = 0;
        for (int i = 0; i < row.length(); i++) {
            char c = row.charAt(i);
            depth += c == '[' ? 1 : c == ']' ? -1 : 0;
            if (c == ',' && depth == 1 && ++commas == keyCount) {
                return row.substring(0, i);
            }
        }
        return keyCount == 0 ? "" : row;
    }
}
