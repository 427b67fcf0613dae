package dev.millrace.bench.inprocess;

import dev.millrace.bench.workload.IndexHash;
import dev.millrace.bench.workload.PartitionRows;
import dev.millrace.bench.workload.RowMeter;
import dev.millrace.engine.page.RowView;
import dev.millrace.engine.source.PartitionOutput;
import dev.millrace.engine.source.PlannedSource;
import dev.millrace.engine.source.ReaderFactory;
import dev.millrace.engine.source.Source;
import dev.millrace.engine.source.SourceReader;
import java.util.ArrayList;
import java.util.List;

/** Rows for {@link CountSumMax} without end, as fast as they are taken; keys at random. */
final class GeneratorSource implements Source {
    private final int partitionCount;
    private final int keyCount;

    GeneratorSource(int partitionCount, int keyCount) {
        this.partitionCount = partitionCount;
        this.keyCount = keyCount;
    }

    @Override
    public String name() {
        return "generator";
    }

    @Override
    public PlannedSource plan(int workerCount, int loopCount) {
        List<ReaderFactory> readers = new ArrayList<>();
        for (int i = 0; i < partitionCount; i++) {
            readers.add(new Readers(keyCount, i, partitionCount));
        }
        return PlannedSource.flowing(name(), readers);
    }

    private record Readers(int keyCount, int partition, int ofCount) implements ReaderFactory {
        @Override
        public SourceReader create() {
            return new Reader(keyCount, new PartitionRows(partition, ofCount));
        }
    }

    private static final class Reader implements SourceReader {
        private static final int BATCH_ROWS = 1024;

        private final byte[] bytes = new byte[CountSumMax.ROW_BYTES];
        private final RowView row = new RowView().pointTo(bytes, 0, CountSumMax.ROW_BYTES);
        private final int keyCount;
        private final PartitionRows partition;
        private List<PartitionOutput> outputs = List.of();
        private boolean rowPending;
        private long given;

        Reader(int keyCount, PartitionRows partition) {
            this.keyCount = keyCount;
            this.partition = partition;
        }

        @Override
        public void open(List<PartitionOutput> opened) {
            outputs = opened;
            outputs.get(0).publish(given);
        }

        @Override
        public boolean read() {
            PartitionOutput output = outputs.get(0);
            long before = given;
            while (given - before < BATCH_ROWS) {
                if (!rowPending) {
                    long hash = IndexHash.of(partition.index(given));
                    CountSumMax.LONG.set(bytes, 0, (long) IndexHash.below(hash, keyCount));
                    CountSumMax.LONG.set(bytes, 8, hash & 0x3fff);
                    rowPending = true;
                }
                if (!output.append(row)) {
                    break;
                }
                rowPending = false;
                given++;
            }
            output.publish(given);
            RowMeter.reach(partition.partition(), given);
            return given > before;
        }
    }
}
