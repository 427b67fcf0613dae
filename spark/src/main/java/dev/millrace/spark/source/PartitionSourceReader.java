package dev.millrace.spark.source;

import dev.millrace.engine.page.RowView;
import dev.millrace.engine.source.SourceReader;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.UnsafeProjection;
import org.apache.spark.sql.catalyst.expressions.UnsafeRow;
import org.apache.spark.sql.connector.read.InputPartition;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.unsafe.Platform;
import org.jspecify.annotations.Nullable;

/**
 * Reads one partition of a stream. Rows that are unsafe rows already are handed on without a copy.
 *
 * <p>Thread: the reader's.
 */
final class PartitionSourceReader implements SourceReader {
    private final String sourceName;
    private final int partitionIndex;
    private final InputPartition partition;
    private final StreamAdapter.CursorFactory cursors;
    private final StructType schema;
    private final RowView view = new RowView();
    private StreamAdapter.@Nullable Cursor cursor;
    private @Nullable UnsafeProjection projection;

    PartitionSourceReader(
            String sourceName,
            int partitionIndex,
            InputPartition partition,
            StreamAdapter.CursorFactory cursors,
            StructType schema) {
        this.sourceName = sourceName;
        this.partitionIndex = partitionIndex;
        this.partition = partition;
        this.cursors = cursors;
        this.schema = schema;
    }

    @Override
    public void open() {
        try {
            cursor = cursors.open(partition);
        } catch (Throwable t) {
            throw failure("open", t);
        }
    }

    @Override
    public boolean advance() {
        try {
            return cursor().advance();
        } catch (Throwable t) {
            throw failure("read on", t);
        }
    }

    @Override
    public RowView row() {
        InternalRow row = cursor().row();
        UnsafeRow unsafe =
                row instanceof UnsafeRow already ? already : projection().apply(row);
        if (unsafe.getBaseObject() instanceof byte[] bytes) {
            int offset = (int) (unsafe.getBaseOffset() - Platform.BYTE_ARRAY_OFFSET);
            return view.pointTo(bytes, offset, unsafe.getSizeInBytes());
        }
        byte[] copy = unsafe.getBytes();
        return view.pointTo(copy, 0, copy.length);
    }

    @Override
    public Object position() {
        return cursor().position();
    }

    @Override
    public void close() throws Exception {
        if (cursor != null) {
            cursor.close();
        }
    }

    private StreamAdapter.Cursor cursor() {
        if (cursor == null) {
            throw new IllegalStateException("not open");
        }
        return cursor;
    }

    private UnsafeProjection projection() {
        if (projection == null) {
            projection = UnsafeProjection.create(schema);
        }
        return projection;
    }

    private RuntimeException failure(String what, Throwable t) {
        return SourceFailure.of(sourceName + ", partition=" + partitionIndex, what, t);
    }
}
