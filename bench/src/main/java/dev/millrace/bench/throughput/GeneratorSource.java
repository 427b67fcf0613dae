package dev.millrace.bench.throughput;

import dev.millrace.engine.page.RowView;
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
        private final byte[] bytes = new byte[CountSumMax.ROW_BYTES];
        private final RowView row = new RowView().pointTo(bytes, 0, CountSumMax.ROW_BYTES);
        private final RandomKeys keys;
        private long given;

        Reader(int keyCount, long seed) {
            keys = new RandomKeys(keyCount, seed);
        }

        @Override
        public boolean advance() {
            CountSumMax.LONG.set(bytes, 0, (long) keys.next());
            CountSumMax.LONG.set(bytes, 8, given & 0x3fff);
            given++;
            return true;
        }

        @Override
        public RowView row() {
            return row;
        }

        @Override
        public Object position() {
            return given;
        }
    }
}
