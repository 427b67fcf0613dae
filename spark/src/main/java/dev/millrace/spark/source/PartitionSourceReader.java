package dev.millrace.spark.source;

import dev.millrace.engine.page.RowView;
import dev.millrace.engine.source.PartitionOutput;
import dev.millrace.engine.source.ReaderFactory;
import dev.millrace.engine.source.SourceReader;
import java.util.List;
import java.util.Objects;
import org.apache.spark.sql.connector.read.InputPartition;
import org.apache.spark.sql.types.StructType;
import org.jspecify.annotations.Nullable;

/**
 * Reads one partition of a stream that reads without an end.
 *
 * <p>Thread: the reader's.
 */
final class PartitionSourceReader implements SourceReader {
    private static final int BATCH_ROWS = 512;

    private final String sourceName;
    private final int partitionIndex;
    private final InputPartition partition;
    private final StreamAdapter.CursorFactory cursors;
    private final RowBytes rows;
    private List<PartitionOutput> outputs = List.of();
    private StreamAdapter.@Nullable Cursor cursor;

    /** Behind the last row that was appended. */
    private @Nullable Object position;

    /** The row to be appended next, asked for once: some sources go on when they are asked for it. */
    private @Nullable RowView pending;

    /** Makes the reader of one partition. */
    record Factory(
            String sourceName,
            int partitionIndex,
            int ofCount,
            InputPartition partition,
            StreamAdapter.CursorFactory cursors,
            StructType schema)
            implements ReaderFactory {
        /** A source of as many partitions as before has the same ones, in the same order: a connector tells no more. */
        @Override
        public String partitionName(int unused) {
            return partitionIndex + " of " + ofCount;
        }

        @Override
        public SourceReader create() {
            return new PartitionSourceReader(sourceName, partitionIndex, partition, cursors, schema);
        }
    }

    private PartitionSourceReader(
            String sourceName,
            int partitionIndex,
            InputPartition partition,
            StreamAdapter.CursorFactory cursors,
            StructType schema) {
        this.sourceName = sourceName;
        this.partitionIndex = partitionIndex;
        this.partition = partition;
        this.cursors = cursors;
        this.rows = new RowBytes(schema);
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
        if (pending == null) {
            advance(true);
        }
        if (pending == null) {
            return true;
        }
        int count = 0;
        for (RowView row = pending; row != null && append(row); row = pending) {
            pending = null;
            if (++count < BATCH_ROWS) {
                advance(false);
            }
        }
        publish();
        return count > 0;
    }

    private void advance(boolean mayWait) {
        try {
            pending = cursor().advance(mayWait) ? rows.of(cursor().row()) : null;
        } catch (Throwable t) {
            throw failure("read on", t);
        }
    }

    /** Takes a row over; false when there is no room. */
    private boolean append(RowView row) {
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

    private RuntimeException failure(String what, Throwable t) {
        return SourceFailure.of(sourceName + ", partition=" + partitionIndex, what, t);
    }
}
