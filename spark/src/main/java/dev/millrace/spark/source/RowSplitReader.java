package dev.millrace.spark.source;

import dev.millrace.engine.page.RowView;
import dev.millrace.engine.source.PartitionOutput;
import dev.millrace.spark.thread.SparkTask;
import java.util.Objects;
import org.apache.spark.sql.types.StructType;
import org.jspecify.annotations.Nullable;

/**
 * Reads splits by Spark's readers, each in a task of its own, so that what Spark's readers tie to their task ends with
 * the split.
 *
 * <p>Thread: the reader's.
 */
final class RowSplitReader implements SplitReader {
    private static final int BATCH_ROWS = 512;

    private final String readerName;
    private final RowBytes bytes;
    private @Nullable OpenSplit open;

    /** @param readerName what errors call it */
    RowSplitReader(String readerName, StructType schema) {
        this.readerName = readerName;
        this.bytes = new RowBytes(schema);
    }

    /** A split under way. */
    private static final class OpenSplit {
        final SparkTask task = SparkTask.within();
        final RowSplit split;
        RowSplit.@Nullable Rows rows;

        /** The row to be appended next, asked for once: some sources go on when they are asked for it. */
        @Nullable
        RowView pending;

        OpenSplit(RowSplit split) {
            this.split = split;
        }
    }

    @Override
    public void begin(Split split) {
        open = new OpenSplit((RowSplit) split);
    }

    @Override
    public Progress read(PartitionOutput output) {
        OpenSplit split = Objects.requireNonNull(open, "no split");
        split.task.enter();
        try {
            if (split.rows == null) {
                split.rows = split.split.open();
                advance(split);
            }
            int count = appendRows(split, output);
            output.publish();
            if (split.pending != null) {
                return count > 0 ? Progress.MORE : Progress.NO_ROOM;
            }
        } catch (Throwable t) {
            end(split, t);
            throw SourceFailure.of(readerName, "read on", t);
        } finally {
            split.task.leave();
        }
        end(split, null);
        return Progress.READ;
    }

    /** Appends rows up to a batch's size, as long as there is room and a next one. */
    private int appendRows(OpenSplit split, PartitionOutput output) throws Exception {
        int count = 0;
        for (RowView row = split.pending;
                row != null && count < BATCH_ROWS && append(row, output);
                row = split.pending) {
            count++;
            advance(split);
        }
        return count;
    }

    private void advance(OpenSplit split) throws Exception {
        RowSplit.Rows rows = Objects.requireNonNull(split.rows);
        split.pending = rows.next() ? bytes.of(rows.row()) : null;
    }

    private static boolean append(RowView row, PartitionOutput output) {
        if (output.append(row)) {
            return true;
        }
        output.publish();
        return output.append(row);
    }

    private void end(OpenSplit split, @Nullable Throwable failure) {
        open = null;
        split.task.enter();
        try {
            if (split.rows != null) {
                split.rows.close();
            }
        } catch (Throwable t) {
            if (failure == null) {
                throw SourceFailure.of(readerName, "close what was read", t);
            }
            failure.addSuppressed(t);
        } finally {
            split.task.complete(failure);
            split.task.leave();
        }
    }

    @Override
    public void close() {
        OpenSplit split = open;
        if (split != null) {
            end(split, null);
        }
    }
}
