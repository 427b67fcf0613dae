package dev.millrace.spark.key;

import dev.millrace.engine.page.RowView;
import java.io.Serializable;
import java.util.List;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.UnsafeRow;
import org.apache.spark.sql.catalyst.plans.logical.EventTimeWatermark$;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.unsafe.Platform;
import org.jspecify.annotations.Nullable;

/**
 * Where a row, which may be a key, has an event time: a timestamp, or a window, whose end it is.
 *
 * <p>Thread: any. Source: Spark's WatermarkSupport.
 *
 * @param index which column it is, or -1 for none
 * @param columnCount of the row
 */
public record EventTimeColumn(int index, boolean isWindow, int columnCount) implements Serializable {
    /** What is returned where there is none. */
    public static final long NONE = Long.MAX_VALUE;

    private static final int ABSENT = -1;
    private static final int WORD_BYTES = 8;
    private static final int END_FIELD = 1;

    /** The first column that a watermark marks. */
    public static EventTimeColumn markedIn(List<Attribute> columns) {
        for (int i = 0; i < columns.size(); i++) {
            if (columns.get(i).metadata().contains(EventTimeWatermark$.MODULE$.delayKey())) {
                return at(i, columns);
            }
        }
        return new EventTimeColumn(ABSENT, false, columns.size());
    }

    /** One of a row's columns. */
    public static EventTimeColumn at(int index, List<? extends Expression> columns) {
        return new EventTimeColumn(index, columns.get(index).dataType() instanceof StructType, columns.size());
    }

    /** Whether there is such a column. */
    public boolean isPresent() {
        return index != ABSENT;
    }

    /** Units: microseconds since 1970-01-01T00:00:00Z, or {@link #NONE}. */
    public long micros(RowView row) {
        return micros(row.bytes(), Platform.BYTE_ARRAY_OFFSET + (long) row.offset());
    }

    /** As {@link #micros(RowView)}. */
    public long micros(UnsafeRow row) {
        return micros(row.getBaseObject(), row.getBaseOffset());
    }

    private long micros(@Nullable Object base, long start) {
        if (index == ABSENT || isNull(base, start, index)) {
            return NONE;
        }
        long nullBytes = UnsafeRow.calculateBitSetWidthInBytes(columnCount);
        long word = Platform.getLong(base, start + nullBytes + (long) WORD_BYTES * index);
        if (!isWindow) {
            return word;
        }
        // A struct's word holds where it lies in the row, in its upper half.
        long window = start + (word >>> 32);
        return isNull(base, window, END_FIELD)
                ? NONE
                : Platform.getLong(base, window + WORD_BYTES + (long) WORD_BYTES * END_FIELD);
    }

    private static boolean isNull(@Nullable Object base, long rowStart, int field) {
        long bits = Platform.getLong(base, rowStart + (long) (field >> 6) * WORD_BYTES);
        return (bits & (1L << (field & 63))) != 0;
    }
}
