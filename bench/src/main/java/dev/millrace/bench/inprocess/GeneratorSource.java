package dev.millrace.bench.inprocess;

import dev.millrace.engine.page.RowView;
import dev.millrace.engine.source.PartitionOutput;
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
    public List<SourceReader> readers() {
        List<SourceReader> readers = new ArrayList<>();
        for (int i = 0; i < partitionCount; i++) {
            readers.add(new Reader(keyCount, i + 1));
        }
        return readers;
    }

    private static final class Reader implements SourceReader {
        private static final int BATCH_ROWS = 1024;

        private final byte[] bytes = new byte[CountSumMax.ROW_BYTES];
        private final RowView row = new RowView().pointTo(bytes, 0, CountSumMax.ROW_BYTES);
        private final RandomKeys keys;
        private List<PartitionOutput> outputs = List.of();
        private boolean rowPending;
        private long given;

        Reader(int keyCount, long seed) {
            keys = new RandomKeys(keyCount, seed);
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
                    CountSumMax.LONG.set(bytes, 0, (long) keys.next());
                    CountSumMax.LONG.set(bytes, 8, given & 0x3fff);
                    rowPending = true;
                }
                if (!output.append(row)) {
                    break;
                }
                rowPending = false;
                given++;
            }
            output.publish(given);
            return given > before;
        }
    }
}
