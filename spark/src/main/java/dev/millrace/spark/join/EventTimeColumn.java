package dev.millrace.spark.join;

import java.io.Serializable;
import org.apache.spark.sql.catalyst.expressions.UnsafeRow;

/**
 * Where a row, or a key, has an event time: a timestamp, or a window, whose end it is.
 *
 * @param index which column it is
 */
public record EventTimeColumn(int index, boolean isWindow) implements Serializable {
    /** What is returned where it is null. */
    static final long ABSENT = Long.MIN_VALUE;

    private static final int END_FIELD = 1;
    private static final int FIELDS_OF_WINDOW = 2;

    /** Units: microseconds since 1970-01-01T00:00:00Z, or {@link #ABSENT}. */
    long micros(UnsafeRow row) {
        if (row.isNullAt(index)) {
            return ABSENT;
        }
        if (!isWindow) {
            return row.getLong(index);
        }
        UnsafeRow window = row.getStruct(index, FIELDS_OF_WINDOW);
        return window.isNullAt(END_FIELD) ? ABSENT : window.getLong(END_FIELD);
    }
}
