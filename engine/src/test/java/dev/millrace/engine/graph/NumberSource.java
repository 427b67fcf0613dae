package dev.millrace.engine.graph;

import dev.millrace.engine.page.RowView;
import dev.millrace.engine.source.Source;
import dev.millrace.engine.source.SourceReader;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BooleanSupplier;

/**
 * Rows of two longs, key and number: partition {@code p} gives the numbers from 0, keyed by
 * {@code number % keys}. A reader waits in vain when {@code dry} says so, or when it gave all.
 */
final class NumberSource implements Source {
    private final int partitions;
    private final long rowsPerPartition;
    private final int keys;
    private final BooleanSupplier dry;

    NumberSource(int partitions, long rowsPerPartition, int keys, BooleanSupplier dry) {
        this.partitions = partitions;
        this.rowsPerPartition = rowsPerPartition;
        this.keys = keys;
        this.dry = dry;
    }

    static byte[] row(long key, long number) {
        return ByteBuffer.allocate(16)
                .order(ByteOrder.nativeOrder())
                .putLong(key)
                .putLong(number)
                .array();
    }

    static long longAt(byte[] bytes, int offset) {
        return ByteBuffer.wrap(bytes).order(ByteOrder.nativeOrder()).getLong(offset);
    }

    @Override
    public String name() {
        return "numbers";
    }

    @Override
    public List<SourceReader> readers() {
        List<SourceReader> readers = new ArrayList<>();
        for (int p = 0; p < partitions; p++) {
            readers.add(new Reader());
        }
        return readers;
    }

    private final class Reader implements SourceReader {
        private final RowView row = new RowView();
        private long given;

        @Override
        public boolean advance() throws InterruptedException {
            if (given == rowsPerPartition || dry.getAsBoolean()) {
                return false;
            }
            byte[] bytes = NumberSource.row(given % keys, given);
            row.pointTo(bytes, 0, bytes.length);
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
