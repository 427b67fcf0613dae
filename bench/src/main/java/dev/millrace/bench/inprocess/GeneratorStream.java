package dev.millrace.bench.inprocess;

import java.util.Arrays;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.connector.read.InputPartition;
import org.apache.spark.sql.connector.read.PartitionReader;
import org.apache.spark.sql.connector.read.PartitionReaderFactory;
import org.apache.spark.sql.connector.read.streaming.MicroBatchStream;
import org.apache.spark.sql.connector.read.streaming.Offset;
import org.apache.spark.sql.connector.read.streaming.PartitionOffset;
import org.apache.spark.sql.connector.read.streaming.ReadLimit;
import org.apache.spark.sql.connector.read.streaming.ReadMaxRows;
import org.apache.spark.sql.connector.read.streaming.SupportsRealTimeMode;
import org.apache.spark.sql.connector.read.streaming.SupportsRealTimeRead;
import org.apache.spark.sql.connector.read.streaming.SupportsTriggerAvailableNow;

/** The generator as a stream, batch by batch or on and on. An offset is how many rows each partition has given. */
final class GeneratorStream implements MicroBatchStream, SupportsTriggerAvailableNow, SupportsRealTimeMode {
    private final GeneratorProvider.Shape shape;
    private final int[] columns;

    GeneratorStream(GeneratorProvider.Shape shape, int[] columns) {
        this.shape = shape;
        this.columns = columns;
    }

    private static final class RowCounts extends Offset {
        private final long[] counts;

        RowCounts(long[] counts) {
            this.counts = counts;
        }

        long total() {
            return Arrays.stream(counts).sum();
        }

        @Override
        public String json() {
            return Arrays.toString(counts);
        }
    }

    /** What a reader reads: rows of one partition, from {@code given} to {@code end}, which it leaves out. */
    private record Piece(GeneratorProvider.Shape shape, int[] columns, int partition, long given, long end)
            implements InputPartition {}

    private record RowsGiven(int partition, long count) implements PartitionOffset {}

    @Override
    public Offset initialOffset() {
        return new RowCounts(new long[shape.partitions()]);
    }

    @Override
    public Offset deserializeOffset(String json) {
        String[] counts = json.substring(1, json.length() - 1).split(", ", -1);
        return new RowCounts(Arrays.stream(counts).mapToLong(Long::parseLong).toArray());
    }

    @Override
    public Offset mergeOffsets(PartitionOffset[] offsets) {
        long[] counts = new long[offsets.length];
        for (PartitionOffset offset : offsets) {
            RowsGiven given = (RowsGiven) offset;
            counts[given.partition()] = given.count();
        }
        return new RowCounts(counts);
    }

    @Override
    public ReadLimit getDefaultReadLimit() {
        return ReadLimit.maxRows(shape.batchRows());
    }

    @Override
    public void prepareForTriggerAvailableNow() {
        // The table does not grow.
    }

    @Override
    public Offset latestOffset() {
        return until(shape.rows());
    }

    @Override
    public Offset latestOffset(Offset start, ReadLimit limit) {
        long most = limit instanceof ReadMaxRows rows ? rows.maxRows() : shape.rows();
        return until(Math.min(shape.rows(), ((RowCounts) start).total() + most));
    }

    private Offset until(long tableRow) {
        long[] counts = new long[shape.partitions()];
        Arrays.setAll(counts, i -> shape.partition(i).countBelow(tableRow));
        return new RowCounts(counts);
    }

    @Override
    public InputPartition[] planInputPartitions(Offset start, Offset end) {
        InputPartition[] pieces = new InputPartition[shape.partitions()];
        Arrays.setAll(
                pieces, i -> new Piece(shape, columns, i, ((RowCounts) start).counts[i], ((RowCounts) end).counts[i]));
        return pieces;
    }

    @Override
    public InputPartition[] planInputPartitions(Offset start) {
        return planInputPartitions(start, until(shape.rows()));
    }

    @Override
    public PartitionReaderFactory createReaderFactory() {
        return new Readers();
    }

    @Override
    public void commit(Offset end) {}

    @Override
    public void stop() {}

    private record Readers() implements PartitionReaderFactory {
        @Override
        public PartitionReader<InternalRow> createReader(InputPartition partition) {
            return new Reader((Piece) partition);
        }
    }

    private static final class Reader implements SupportsRealTimeRead<InternalRow> {
        private static final RecordStatus ROW = RecordStatus.newStatusWithoutArrivalTime(true);
        private static final RecordStatus NO_ROW = RecordStatus.newStatusWithoutArrivalTime(false);

        private final RowFeed feed;
        private final int partition;

        Reader(Piece piece) {
            feed = piece.shape().feed(piece.partition(), piece.given(), piece.end(), piece.columns());
            partition = piece.partition();
        }

        @Override
        public RecordStatus nextWithTimeout(Long startMillis, Long timeoutMillis) {
            return feed.next(timeoutMillis) ? ROW : NO_ROW;
        }

        @Override
        public boolean next() {
            return feed.next(0);
        }

        @Override
        public InternalRow get() {
            return feed.row();
        }

        @Override
        public PartitionOffset getOffset() {
            return new RowsGiven(partition, feed.given());
        }

        @Override
        public void close() {
            feed.close();
        }
    }
}
