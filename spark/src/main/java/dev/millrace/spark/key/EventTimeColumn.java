package dev.millrace.spark.key;

import dev.millrace.engine.page.RowView;
import java.util.List;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.catalyst.expressions.UnsafeRow;
import org.apache.spark.sql.catalyst.plans.logical.EventTimeWatermark$;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.unsafe.Platform;

/**
 * Reads the event time of a row, which may be a key, from the column that a watermark marks: a
 * timestamp, or the end of a window.
 *
 * <p>Thread: the owning task. Source: Spark's WatermarkSupport.
 */
public final class EventTimeColumn {
    private static final int ABSENT = -1;
    private static final int WORD_BYTES = 8;
    private static final int END_FIELD = 1;

    private final int index;
    private final boolean isWindow;
    private final int nullBytes;

    /** @param columns the row's columns */
    public EventTimeColumn(List<Attribute> columns) {
        index = indexOf(columns);
        isWindow = index != ABSENT && columns.get(index).dataType() instanceof StructType;
        nullBytes = UnsafeRow.calculateBitSetWidthInBytes(columns.size());
    }

    /** The first column that a watermark marks. */
    private static int indexOf(List<Attribute> columns) {
        for (int i = 0; i < columns.size(); i++) {
            if (columns.get(i).metadata().contains(EventTimeWatermark$.MODULE$.delayKey())) {
                return i;
            }
        }
        return ABSENT;
    }

    /** Whether there is such a column. */
    public boolean isPresent() {
        return index != ABSENT;
    }

    /** Units: microseconds since 1970-01-01T00:00:00Z, or {@link Long#MAX_VALUE} where there is none. */
    public long micros(RowView row) {
        if (index == ABSENT) {
            return Long.MAX_VALUE;
        }
        long start = Platform.BYTE_ARRAY_OFFSET + (long) row.offset();
        if (isNull(row.bytes(), start, index)) {
            return Long.MAX_VALUE;
        }
        long word = Platform.getLong(row.bytes(), start + nullBytes + (long) WORD_BYTES * index);
        if (!isWindow) {
            return word;
        }
        // A struct's word holds where it lies in the row, in its upper half.
        long window = start + (word >>> 32);
        return isNull(row.bytes(), window, END_FIELD)
                ? Long.MAX_VALUE
                : Platform.getLong(row.bytes(), window + WORD_BYTES + (long) WORD_BYTES * END_FIELD);
    }

    private static boolean isNull(byte[] bytes, long rowStart, int field) {
        long bits = Platform.getLong(bytes, rowStart + (long) (field >> 6) * WORD_BYTES);
        return (bits & (1L << (field & 63))) != 0;
    }
}
