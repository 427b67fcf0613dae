package dev.millrace.spark.migration;

import dev.millrace.engine.page.RowView;
import dev.millrace.spark.fragment.Rows;
import dev.millrace.spark.scala.Scala;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.BoundReference;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.UnsafeProjection;
import org.apache.spark.sql.types.StructType;
import org.jspecify.annotations.Nullable;

/**
 * Columns of a struct somewhere in the rows of a store, read as a row of their own.
 *
 * <p>Thread: one.
 */
final class StoredColumns {
    private final StructType rows;
    private final int[] path;
    private final int first;
    private final StructType type;
    private final RowView view = new RowView();
    private @Nullable UnsafeProjection projection;

    private StoredColumns(StructType rows, int[] path, int first, StructType type) {
        this.rows = rows;
        this.path = path;
        this.first = first;
        this.type = type;
    }

    /**
     * All columns of a struct.
     *
     * @param path which column of the rows the struct is, which of that one's, and so on
     */
    static StoredColumns at(StructType rows, int... path) {
        return new StoredColumns(rows, path, 0, struct(rows, path));
    }

    private static StructType struct(StructType rows, int... path) {
        StructType struct = rows;
        for (int column : path) {
            struct = (StructType) struct.apply(column).dataType();
        }
        return struct;
    }

    /** The first ones of these. */
    StoredColumns first(int count) {
        return new StoredColumns(rows, path, first, range(0, count));
    }

    /** These from one on. */
    StoredColumns from(int index) {
        return new StoredColumns(rows, path, first + index, range(index, count()));
    }

    private StructType range(int from, int to) {
        return new StructType(Arrays.copyOfRange(type.fields(), from, to));
    }

    /** The columns' names and types. */
    StructType type() {
        return type;
    }

    /** Whether these are columns of a struct that is one of others. */
    boolean isWithin(StoredColumns others) {
        return path.length > others.path.length;
    }

    int count() {
        return type.length();
    }

    /** The struct of a row that they are in, or null. */
    private @Nullable InternalRow struct(InternalRow row) {
        InternalRow struct = row;
        StructType structType = rows;
        for (int column : path) {
            if (struct.isNullAt(column)) {
                return null;
            }
            structType = (StructType) structType.apply(column).dataType();
            struct = struct.getStruct(column, structType.length());
        }
        return struct;
    }

    /** Whether a row has them at all. */
    boolean isNull(InternalRow row) {
        return struct(row) == null;
    }

    /** One of these columns of a row that has them, 8 bytes wide, whatever its type is said to be. */
    long longAt(InternalRow row, int index) {
        return Objects.requireNonNull(struct(row)).getLong(first + index);
    }

    /** One of these columns of a row that has them, a boolean. */
    boolean flagAt(InternalRow row, int index) {
        return Objects.requireNonNull(struct(row)).getBoolean(first + index);
    }

    /** The columns of a row that has them. Lifetime: until the next row's. */
    RowView of(InternalRow row) {
        if (projection == null) {
            projection = projection();
        }
        return Rows.point(view, projection.apply(Objects.requireNonNull(struct(row))));
    }

    private UnsafeProjection projection() {
        List<Expression> columns = new ArrayList<>();
        for (int i = 0; i < count(); i++) {
            columns.add(new BoundReference(
                    first + i, type.apply(i).dataType(), type.apply(i).nullable()));
        }
        return UnsafeProjection.create(Scala.<Expression>seq(columns));
    }
}
