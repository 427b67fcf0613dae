package dev.millrace.spark.aggregate;

import org.apache.spark.sql.catalyst.expressions.UnsafeArrayData;
import org.apache.spark.sql.catalyst.expressions.UnsafeRow;
import org.apache.spark.unsafe.types.UTF8String;
import org.apache.spark.util.SizeEstimator$;
import org.jspecify.annotations.Nullable;

/** Rough sizes of buffered objects in memory: quick for the common ones, by reflection for others. */
final class ObjectSize {
    static final long ROW_BYTES = 64;

    private static final long REFERENCE_BYTES = 8;
    private static final long BOXED_BYTES = 24;
    private static final long HEADER_BYTES = 48;

    private ObjectSize() {}

    static long estimate(@Nullable Object value) {
        if (value == null) {
            return REFERENCE_BYTES;
        }
        if (value instanceof Number || value instanceof Boolean) {
            return BOXED_BYTES;
        }
        if (value instanceof UTF8String string) {
            return HEADER_BYTES + string.numBytes();
        }
        if (value instanceof byte[] bytes) {
            return BOXED_BYTES + bytes.length;
        }
        if (value instanceof UnsafeRow row) {
            return HEADER_BYTES + row.getSizeInBytes();
        }
        if (value instanceof UnsafeArrayData array) {
            return HEADER_BYTES + array.getSizeInBytes();
        }
        if (value instanceof scala.collection.Iterable<?> elements && elements.knownSize() >= 0) {
            return HEADER_BYTES + collection(elements);
        }
        return SizeEstimator$.MODULE$.estimate(value);
    }

    /** Takes the first element for all. */
    private static long collection(scala.collection.Iterable<?> elements) {
        if (elements.isEmpty()) {
            return 0;
        }
        return elements.knownSize() * (REFERENCE_BYTES * 4 + estimate(elements.head()));
    }
}
