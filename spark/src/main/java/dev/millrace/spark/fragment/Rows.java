package dev.millrace.spark.fragment;

import dev.millrace.engine.operator.Output;
import dev.millrace.engine.page.RowView;
import org.apache.spark.sql.catalyst.expressions.UnsafeRow;
import org.apache.spark.unsafe.Platform;

/** Between Spark's rows and the engine's, which have the same bytes. */
public final class Rows {
    private Rows() {}

    /** Points {@code row}, which knows its number of fields, at the bytes below {@code view}. */
    public static UnsafeRow point(UnsafeRow row, RowView view) {
        row.pointTo(view.bytes(), Platform.BYTE_ARRAY_OFFSET + (long) view.offset(), view.sizeBytes());
        return row;
    }

    /** Points {@code view} at a row's bytes; at a copy of them only where they lie outside the heap. */
    public static RowView point(RowView view, UnsafeRow row) {
        if (row.getBaseObject() instanceof byte[] bytes) {
            return view.pointTo(bytes, (int) (row.getBaseOffset() - Platform.BYTE_ARRAY_OFFSET), row.getSizeInBytes());
        }
        byte[] copy = bytesOf(row);
        return view.pointTo(copy, 0, copy.length);
    }

    static void emit(UnsafeRow row, Output output) {
        if (row.getBaseObject() instanceof byte[] bytes) {
            output.emit(bytes, (int) (row.getBaseOffset() - Platform.BYTE_ARRAY_OFFSET), row.getSizeInBytes());
            return;
        }
        byte[] copy = bytesOf(row);
        output.emit(copy, 0, copy.length);
    }

    /** A row without columns has no bytes, and points nowhere. */
    private static byte[] bytesOf(UnsafeRow row) {
        return row.getSizeInBytes() == 0 ? new byte[0] : row.getBytes();
    }
}
