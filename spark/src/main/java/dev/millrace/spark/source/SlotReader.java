package dev.millrace.spark.source;

import dev.millrace.engine.source.PartitionOutput;
import dev.millrace.engine.source.ReaderFactory;
import dev.millrace.engine.source.SourceReader;
import java.util.List;
import java.util.Objects;
import org.apache.spark.sql.types.StructType;
import org.jspecify.annotations.Nullable;

/**
 * One of the hands that read a source's portions: takes one split after the other, and says where portions and epochs
 * end. Its position is how many portions there were.
 *
 * <p>Thread: the reader's.
 */
final class SlotReader implements SourceReader {
    private final int slot;
    private final Portions portions;
    private final SplitReader splits;
    private @Nullable PartitionOutput output;
    private boolean isReading;

    /**
     * Makes the reader of one slot.
     *
     * @param portions of its worker
     * @param own what of Millrace's own reads splits; null where the connector does
     */
    record Factory(
            String sourceName,
            int slot,
            int slotCount,
            Portions portions,
            StructType schema,
            @Nullable PortionReads own)
            implements ReaderFactory {
        /** Where {@code withWatermark} stands behind a union, each slot is a partition. */
        @Override
        public String partitionName(int unused) {
            return slot + " of " + slotCount;
        }

        @Override
        public SourceReader create() {
            SplitReader splits =
                    own == null ? new RowSplitReader(sourceName + ", reader=" + slot, schema) : own.reader();
            return new SlotReader(slot, portions, splits);
        }
    }

    private SlotReader(int slot, Portions portions, SplitReader splits) {
        this.slot = slot;
        this.portions = portions;
        this.splits = splits;
    }

    @Override
    public void open(List<PartitionOutput> outputs) {
        output = outputs.get(0);
    }

    @Override
    public boolean read() throws Exception {
        if (isReading) {
            return readOn();
        }
        Portions.Order order = portions.next(slot);
        if (order instanceof Portions.Order.ReadSplit taken) {
            splits.begin(taken.split());
            isReading = true;
            return readOn();
        }
        boolean said = order instanceof Portions.Order.EndEpoch end
                ? output().endEpoch(end.epoch(), end.portion())
                : output().endPortion();
        if (said) {
            portions.through(slot);
        }
        return said;
    }

    /** Reads a batch of a split; false when there is no room. */
    private boolean readOn() throws Exception {
        SplitReader.Progress progress = splits.read(output());
        if (progress == SplitReader.Progress.READ) {
            isReading = false;
            portions.splitRead(slot);
        }
        return progress != SplitReader.Progress.NO_ROOM;
    }

    @Override
    public void close() throws Exception {
        splits.close();
    }

    private PartitionOutput output() {
        return Objects.requireNonNull(output, "not open");
    }
}
