package dev.millrace.bench.peers.flink;

import dev.millrace.bench.workload.PartitionRows;
import dev.millrace.bench.workload.RowMeter;
import dev.millrace.bench.workload.Rows;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.apache.flink.api.connector.source.Boundedness;
import org.apache.flink.api.connector.source.ReaderOutput;
import org.apache.flink.api.connector.source.Source;
import org.apache.flink.api.connector.source.SourceReader;
import org.apache.flink.api.connector.source.SourceReaderContext;
import org.apache.flink.api.connector.source.SplitEnumerator;
import org.apache.flink.api.connector.source.SplitEnumeratorContext;
import org.apache.flink.core.io.InputStatus;
import org.apache.flink.core.io.SimpleVersionedSerializer;
import org.apache.flink.table.data.RowData;
import org.jspecify.annotations.Nullable;

/**
 * A table of the bench as a source of Flink's, one partition for each reader.
 *
 * @param columns which of the table's columns, in order
 * @param rowCount 0 for a table without end
 * @param stays whether the job goes on when all rows are given
 */
record GeneratorSource(Rows rows, int[] columns, int partitionCount, long rowCount, boolean stays)
        implements Source<RowData, GeneratorSplit, List<GeneratorSplit>> {
    @Override
    public Boundedness getBoundedness() {
        return rowCount == 0 || stays ? Boundedness.CONTINUOUS_UNBOUNDED : Boundedness.BOUNDED;
    }

    @Override
    public SourceReader<RowData, GeneratorSplit> createReader(SourceReaderContext context) {
        return new Reader(this, context);
    }

    @Override
    public SplitEnumerator<GeneratorSplit, List<GeneratorSplit>> createEnumerator(
            SplitEnumeratorContext<GeneratorSplit> context) {
        List<GeneratorSplit> splits = new ArrayList<>();
        for (int i = 0; i < partitionCount; i++) {
            splits.add(new GeneratorSplit(i, 0));
        }
        return new Enumerator(context, splits);
    }

    @Override
    public SplitEnumerator<GeneratorSplit, List<GeneratorSplit>> restoreEnumerator(
            SplitEnumeratorContext<GeneratorSplit> context, List<GeneratorSplit> left) {
        return new Enumerator(context, left);
    }

    @Override
    public SimpleVersionedSerializer<GeneratorSplit> getSplitSerializer() {
        return new GeneratorSplit.Serializer();
    }

    @Override
    public SimpleVersionedSerializer<List<GeneratorSplit>> getEnumeratorCheckpointSerializer() {
        return new SplitListSerializer();
    }

    /** Gives each reader that asks its partition. */
    private static final class Enumerator implements SplitEnumerator<GeneratorSplit, List<GeneratorSplit>> {
        private final SplitEnumeratorContext<GeneratorSplit> context;
        private final List<GeneratorSplit> left;

        Enumerator(SplitEnumeratorContext<GeneratorSplit> context, List<GeneratorSplit> left) {
            this.context = context;
            this.left = new ArrayList<>(left);
        }

        @Override
        public void start() {}

        @Override
        public void handleSplitRequest(int subtask, @Nullable String host) {
            if (left.isEmpty()) {
                context.signalNoMoreSplits(subtask);
            } else {
                context.assignSplit(left.remove(0), subtask);
            }
        }

        @Override
        public void addSplitsBack(List<GeneratorSplit> splits, int subtask) {
            left.addAll(splits);
        }

        @Override
        public void addReader(int subtask) {}

        @Override
        public List<GeneratorSplit> snapshotState(long checkpoint) {
            return List.copyOf(left);
        }

        @Override
        public void close() {}
    }

    private static final class Reader implements SourceReader<RowData, GeneratorSplit> {
        /** Rows for each call: few enough for checkpoints to get in between. */
        private static final int RUN_ROWS = 128;

        private final GeneratorSource source;
        private final SourceReaderContext context;
        private final BinaryRowTarget target;
        private CompletableFuture<Void> available = new CompletableFuture<>();
        private @Nullable PartitionRows partition;
        private long given;
        private long end;
        private boolean noMore;

        Reader(GeneratorSource source, SourceReaderContext context) {
            this.context = context;
            this.source = source;
            this.target = new BinaryRowTarget(source.rows().columns().size(), source.columns());
        }

        @Override
        public void start() {
            context.sendSplitRequest();
        }

        @Override
        public InputStatus pollNext(ReaderOutput<RowData> output) {
            PartitionRows current = partition;
            if (current == null) {
                return noMore ? InputStatus.END_OF_INPUT : InputStatus.NOTHING_AVAILABLE;
            }
            for (int i = 0; i < RUN_ROWS && given < end; i++) {
                target.begin();
                source.rows().write(current.index(given), target);
                output.collect(target.end());
                given++;
            }
            RowMeter.reach(current.partition(), given);
            if (given < end) {
                return InputStatus.MORE_AVAILABLE;
            }
            if (source.stays()) {
                available = new CompletableFuture<>();
                return InputStatus.NOTHING_AVAILABLE;
            }
            return InputStatus.END_OF_INPUT;
        }

        @Override
        public List<GeneratorSplit> snapshotState(long checkpoint) {
            return partition == null ? List.of() : List.of(new GeneratorSplit(partition.partition(), given));
        }

        @Override
        public CompletableFuture<Void> isAvailable() {
            return available;
        }

        @Override
        public void addSplits(List<GeneratorSplit> splits) {
            GeneratorSplit split = splits.get(0);
            PartitionRows assigned = new PartitionRows(split.partition(), source.partitionCount());
            partition = assigned;
            given = split.given();
            end = source.rowCount() == 0 ? Long.MAX_VALUE : assigned.countBelow(source.rowCount());
            available.complete(null);
        }

        @Override
        public void notifyNoMoreSplits() {
            noMore = true;
            available.complete(null);
        }

        @Override
        public void close() {}
    }
}
