package dev.millrace.engine.graph;

import dev.millrace.engine.page.RowView;
import dev.millrace.engine.source.PartitionOutput;
import dev.millrace.engine.source.PlannedSource;
import dev.millrace.engine.source.ReaderFactory;
import dev.millrace.engine.source.Source;
import dev.millrace.engine.source.SourceReader;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BooleanSupplier;

/**
 * Rows of two longs, key and number: partition {@code p} gives the numbers from 0, keyed by
 * {@code number % keys}. A reader ends its batch when {@code dry} says so, or when it gave all. The
 * first reader reads one partition, the second two, and so on.
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
    public PlannedSource plan(int workerCount, int loopCount) {
        List<ReaderFactory> readers = new ArrayList<>();
        for (int p = 0; p < partitions; ) {
            int count = Math.min(partitions - p, readers.size() + 1);
            readers.add(new Readers(this, count));
            p += count;
        }
        return PlannedSource.flowing(name(), readers);
    }

    private record Readers(NumberSource source, int partitionCount) implements ReaderFactory {
        @Override
        public SourceReader create() {
            return source.new Reader(partitionCount);
        }
    }

    /** Reads so many partitions, each batch from the next one, and of a size that {@code dry} ends. */
    private final class Reader implements SourceReader {
        private final long[] given;
        private final boolean[] blocked;
        private final RowView row = new RowView();
        private List<PartitionOutput> outputs = List.of();
        private int turn;

        Reader(int partitionCount) {
            given = new long[partitionCount];
            blocked = new boolean[partitionCount];
        }

        @Override
        public void open(List<PartitionOutput> opened) {
            outputs = opened;
            outputs.forEach(output -> output.publish(0L));
        }

        @Override
        public boolean read() {
            turn = (turn + 1) % given.length;
            PartitionOutput output = outputs.get(turn);
            blocked[turn] = false;
            while (given[turn] < rowsPerPartition && !dry.getAsBoolean()) {
                if (!append(output)) {
                    blocked[turn] = true;
                    break;
                }
                given[turn]++;
            }
            output.publish(given[turn]);
            for (boolean each : blocked) {
                if (!each) {
                    return true;
                }
            }
            return false;
        }

        private boolean append(PartitionOutput output) {
            byte[] bytes = NumberSource.row(given[turn] % keys, given[turn]);
            row.pointTo(bytes, 0, bytes.length);
            if (output.append(row)) {
                return true;
            }
            output.publish(given[turn]);
            return output.append(row);
        }
    }
}
