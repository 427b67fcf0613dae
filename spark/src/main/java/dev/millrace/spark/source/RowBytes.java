package dev.millrace.spark.source;

import dev.millrace.engine.page.RowView;
import dev.millrace.spark.fragment.Rows;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.UnsafeProjection;
import org.apache.spark.sql.catalyst.expressions.UnsafeRow;
import org.apache.spark.sql.types.StructType;
import org.jspecify.annotations.Nullable;

/**
 * The bytes of a connector's rows. Rows that are unsafe rows already are not copied.
 *
 * <p>Thread: the reader's.
 */
final class RowBytes {
    private final StructType schema;
    private final RowView view = new RowView();
    private @Nullable UnsafeProjection projection;

    RowBytes(StructType schema) {
        this.schema = schema;
    }

    /** The row's bytes, as long as the row lasts and until the next call. */
    RowView of(InternalRow row) {
        return Rows.point(
                view, row instanceof UnsafeRow unsafe ? unsafe : projection().apply(row));
    }

    private UnsafeProjection projection() {
        if (projection == null) {
            projection = UnsafeProjection.create(schema);
        }
        return projection;
    }
}
