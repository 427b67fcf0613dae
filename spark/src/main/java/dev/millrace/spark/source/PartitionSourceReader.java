package dev.millrace.spark.source;

import dev.millrace.engine.page.RowView;
import dev.millrace.engine.source.PartitionOutput;
import dev.millrace.engine.source.SourceReader;
import java.util.List;
import java.util.Objects;
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
    private static final int BATCH_ROWS = 512;

    private final String sourceName;
    private final int partitionIndex;
    private final InputPartition partition;
    private final StreamAdapter.CursorFactory cursors;
    private final StructType schema;
    private final RowView view = new RowView();
    private List<PartitionOutput> outputs = List.of();
    private StreamAdapter.@Nullable Cursor cursor;

    /** Behind the last row that was appended. */
    private @Nullable Object position;

    /** Whether the cursor stands at a row that was not appended yet. */
    private boolean rowPending;

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
    public void open(List<PartitionOutput> opened) {
        outputs = opened;
        try {
            cursor = cursors.open(partition);
            position = cursor.position();
        } catch (Throwable t) {
            throw failure("open", t);
        }
        publish();
    }

    @Override
    public boolean read() {
        rowPending = rowPending || advance(true);
        if (!rowPending) {
            return true;
        }
        int rows = 0;
        while (rowPending && append()) {
            rows++;
            rowPending = rows < BATCH_ROWS && advance(false);
        }
        publish();
        return rows > 0;
    }

    private boolean advance(boolean mayWait) {
        try {
            return cursor().advance(mayWait);
        } catch (Throwable t) {
            throw failure("read on", t);
        }
    }

    /** Takes the cursor's row over; false when there is no room. */
    private boolean append() {
        RowView row = row();
        if (!outputs.get(0).append(row)) {
            publish();
            if (!outputs.get(0).append(row)) {
                return false;
            }
        }
        position = cursor().position();
        return true;
    }

    private void publish() {
        outputs.get(0).publish(Objects.requireNonNull(position));
    }

    private RowView row() {
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
