package dev.millrace.spark.aggregate;

import dev.millrace.engine.page.RowView;
import java.util.List;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.catalyst.expressions.UnsafeRow;
import org.apache.spark.sql.catalyst.plans.logical.EventTimeWatermark$;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.unsafe.Platform;

/**
 * Reads from a key the event time after which it takes no more rows: a window's end, or the event time
 * itself where rows are grouped by it.
 *
 * <p>Thread: the owning task. Source: Spark's WatermarkSupport.
 */
final class KeyExpiry {
    private static final int ABSENT = -1;
    private static final int WORD_BYTES = 8;
    private static final int END_FIELD = 1;

    private final int keyIndex;
    private final boolean isWindow;
    private final int keyNullBytes;

    KeyExpiry(List<Attribute> keys) {
        keyIndex = indexOfEventTime(keys);
        isWindow = keyIndex != ABSENT && keys.get(keyIndex).dataType() instanceof StructType;
        keyNullBytes = UnsafeRow.calculateBitSetWidthInBytes(keys.size());
    }

    /** The first key column that a watermark marks. */
    private static int indexOfEventTime(List<Attribute> keys) {
        for (int i = 0; i < keys.size(); i++) {
            if (keys.get(i).metadata().contains(EventTimeWatermark$.MODULE$.delayKey())) {
                return i;
            }
        }
        return ABSENT;
    }

    /** Units: microseconds since 1970-01-01T00:00:00Z, or {@link Long#MAX_VALUE} for never. */
    long micros(RowView key) {
        if (keyIndex == ABSENT) {
            return Long.MAX_VALUE;
        }
        long start = Platform.BYTE_ARRAY_OFFSET + (long) key.offset();
        if (isNull(key.bytes(), start, keyIndex)) {
            return Long.MAX_VALUE;
        }
        long word = Platform.getLong(key.bytes(), start + keyNullBytes + (long) WORD_BYTES * keyIndex);
        if (!isWindow) {
            return word;
        }
        // A struct's word holds where it lies in the row, in its upper half.
        long window = start + (word >>> 32);
        return isNull(key.bytes(), window, END_FIELD)
                ? Long.MAX_VALUE
                : Platform.getLong(key.bytes(), window + WORD_BYTES + (long) WORD_BYTES * END_FIELD);
    }

    private static boolean isNull(byte[] bytes, long rowStart, int field) {
        long bits = Platform.getLong(bytes, rowStart + (long) (field >> 6) * WORD_BYTES);
        return (bits & (1L << (field & 63))) != 0;
    }
}
