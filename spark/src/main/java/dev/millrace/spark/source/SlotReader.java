package dev.millrace.spark.source;

import dev.millrace.engine.page.RowView;
import dev.millrace.engine.source.PartitionOutput;
import dev.millrace.engine.source.ReaderFactory;
import dev.millrace.engine.source.SourceReader;
import dev.millrace.spark.thread.SparkTask;
import java.util.List;
import java.util.Objects;
import org.apache.spark.sql.types.StructType;
import org.jspecify.annotations.Nullable;

/**
 * One of the hands that read a source's portions: takes one split after the other, each in a task of its own, so
 * that what Spark's readers tie to their task ends with the split.
 *
 * <p>Thread: the reader's.
 */
final class SlotReader implements SourceReader {
    private static final int BATCH_ROWS = 512;

    private final String sourceName;
    private final int slot;
    private final Portions portions;
    private final RowBytes bytes;
    private @Nullable PartitionOutput output;
    private @Nullable OpenSplit open;

    /** Makes the reader of one slot, in the driver: that is where the portions are. */
    record Factory(String sourceName, int slot, int slotCount, Portions portions, StructType schema)
            implements ReaderFactory {
        /** Where {@code withWatermark} stands behind a union, each slot is a partition. */
        @Override
        public String partitionName(int unused) {
            return slot + " of " + slotCount;
        }

        @Override
        public SourceReader create() {
            return new SlotReader(sourceName, slot, portions, schema);
        }
    }

    private SlotReader(String sourceName, int slot, Portions portions, StructType schema) {
        this.sourceName = sourceName;
        this.slot = slot;
        this.portions = portions;
        this.bytes = new RowBytes(schema);
    }

    /** A split under way. */
    private static final class OpenSplit {
        final SparkTask task = SparkTask.within();
        Split.@Nullable Rows rows;

        /** The row to be appended next, asked for once: some sources go on when they are asked for it. */
        @Nullable
        RowView pending;
    }

    @Override
    public void open(List<PartitionOutput> outputs) {
        output = outputs.get(0);
    }

    @Override
    public boolean read() throws InterruptedException {
        if (open != null) {
            return readOn(open, null);
        }
        Portions.Order order = portions.next(slot);
        if (order instanceof Portions.Order.ReadSplit taken) {
            open = new OpenSplit();
            return readOn(open, taken.split());
        }
        boolean said = order instanceof Portions.Order.EndEpoch end
                ? output().endEpoch(end.epoch(), end.boundary())
                : output().endPortion();
        if (said) {
            portions.through(slot);
        }
        return said;
    }

    /** Reads a batch of a split, which is opened first if it is given; false when there is no room. */
    private boolean readOn(OpenSplit split, @Nullable Split toOpen) {
        split.task.enter();
        try {
            if (toOpen != null) {
                split.rows = toOpen.open();
                advance(split);
            }
            int count = appendRows(split);
            output().publish();
            if (split.pending != null) {
                return count > 0;
            }
        } catch (Throwable t) {
            end(split, t);
            throw SourceFailure.of(sourceName + ", reader=" + slot, "read on", t);
        } finally {
            split.task.leave();
        }
        end(split, null);
        portions.splitRead(slot);
        return true;
    }

    /** Appends rows up to a batch's size, as long as there is room and a next one. */
    private int appendRows(OpenSplit split) throws Exception {
        int count = 0;
        for (RowView row = split.pending; row != null && count < BATCH_ROWS && append(row); row = split.pending) {
            count++;
            advance(split);
        }
        return count;
    }

    private void advance(OpenSplit split) throws Exception {
        Split.Rows rows = Objects.requireNonNull(split.rows);
        split.pending = rows.next() ? bytes.of(rows.row()) : null;
    }

    private boolean append(RowView row) {
        if (output().append(row)) {
            return true;
        }
        output().publish();
        return output().append(row);
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
                throw SourceFailure.of(sourceName + ", reader=" + slot, "close what was read", t);
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

    private PartitionOutput output() {
        return Objects.requireNonNull(output, "not open");
    }
}
