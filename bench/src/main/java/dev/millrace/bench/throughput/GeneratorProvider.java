package dev.millrace.bench.throughput;

import dev.millrace.spark.scala.Scala;
import java.util.Arrays;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.UnsafeRow;
import org.apache.spark.sql.connector.catalog.SupportsRead;
import org.apache.spark.sql.connector.catalog.Table;
import org.apache.spark.sql.connector.catalog.TableCapability;
import org.apache.spark.sql.connector.catalog.TableProvider;
import org.apache.spark.sql.connector.expressions.Transform;
import org.apache.spark.sql.connector.read.InputPartition;
import org.apache.spark.sql.connector.read.PartitionReader;
import org.apache.spark.sql.connector.read.PartitionReaderFactory;
import org.apache.spark.sql.connector.read.Scan;
import org.apache.spark.sql.connector.read.ScanBuilder;
import org.apache.spark.sql.connector.read.streaming.MicroBatchStream;
import org.apache.spark.sql.connector.read.streaming.Offset;
import org.apache.spark.sql.connector.read.streaming.PartitionOffset;
import org.apache.spark.sql.connector.read.streaming.SupportsRealTimeMode;
import org.apache.spark.sql.connector.read.streaming.SupportsRealTimeRead;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.sql.util.CaseInsensitiveStringMap;
import org.jspecify.annotations.Nullable;

/**
 * A Spark source with real-time reads that gives rows of two longs, {@code id} and {@code amount}, without end and
 * as fast as they are taken. Options: {@code keys}, {@code partitions}, {@code rate}.
 *
 * <p>With a {@code rate} each key comes once and as fast as it is taken, with an amount of 0; then, after a
 * moment, keys at random, so many rows a second, and a row's amount is when it was due ({@link
 * System#nanoTime}). A key comes from one partition only.
 */
public final class GeneratorProvider implements TableProvider {
    private static final StructType SCHEMA =
            new StructType().add("id", DataTypes.LongType, false).add("amount", DataTypes.LongType, false);

    @Override
    public StructType inferSchema(CaseInsensitiveStringMap options) {
        return SCHEMA;
    }

    @Override
    public Table getTable(StructType schema, Transform[] partitioning, Map<String, String> properties) {
        return new GeneratorTable();
    }

    private static final class GeneratorTable implements Table, SupportsRead {
        @Override
        public String name() {
            return "generator";
        }

        @Override
        @SuppressWarnings("deprecation") // Spark asks for the schema in this form too
        public StructType schema() {
            return SCHEMA;
        }

        @Override
        public Set<TableCapability> capabilities() {
            return Set.of(TableCapability.MICRO_BATCH_READ);
        }

        @Override
        public ScanBuilder newScanBuilder(CaseInsensitiveStringMap options) {
            int partitions = options.getInt("partitions", 2);
            int keys = options.getInt("keys", 1_000);
            int rate = options.getInt("rate", 0);
            return () -> new GeneratorScan(new Shape(partitions, keys, rate));
        }
    }

    /** What the options ask for; a rate of 0 is as fast as possible. */
    private record Shape(int partitions, int keys, int rate) implements java.io.Serializable {}

    private record GeneratorScan(Shape shape) implements Scan {
        @Override
        public StructType readSchema() {
            return SCHEMA;
        }

        @Override
        public MicroBatchStream toMicroBatchStream(String checkpointLocation) {
            return new GeneratorStream(shape);
        }
    }

    private record Partition(Shape shape, int index, long given) implements InputPartition {}

    private record RowsGiven(int partition, long count) implements PartitionOffset {}

    /** The rows that each partition gave. */
    private static final class TotalRows extends Offset {
        private final long[] counts;

        TotalRows(long[] counts) {
            this.counts = counts;
        }

        @Override
        public String json() {
            return Arrays.toString(counts);
        }
    }

    private record GeneratorStream(Shape shape) implements MicroBatchStream, SupportsRealTimeMode {
        @Override
        public Offset initialOffset() {
            return new TotalRows(new long[shape.partitions()]);
        }

        @Override
        public Offset deserializeOffset(String json) {
            String[] counts = json.substring(1, json.length() - 1).split(", ", -1);
            return new TotalRows(
                    Arrays.stream(counts).mapToLong(Long::parseLong).toArray());
        }

        @Override
        public Offset mergeOffsets(PartitionOffset[] offsets) {
            long[] counts = new long[offsets.length];
            for (PartitionOffset offset : offsets) {
                RowsGiven given = (RowsGiven) offset;
                counts[given.partition()] = given.count();
            }
            return new TotalRows(counts);
        }

        /** Nobody can tell where something without an end ends. */
        @Override
        public @Nullable Offset latestOffset() {
            return null;
        }

        @Override
        public InputPartition[] planInputPartitions(Offset start, Offset end) {
            throw new UnsupportedOperationException("Cannot read the generator batch by batch: it has no end.");
        }

        @Override
        public InputPartition[] planInputPartitions(Offset start) {
            InputPartition[] made = new InputPartition[shape.partitions()];
            for (int i = 0; i < made.length; i++) {
                made[i] = new Partition(shape, i, ((TotalRows) start).counts[i]);
            }
            return made;
        }

        @Override
        public PartitionReaderFactory createReaderFactory() {
            return new GeneratorReaders();
        }

        @Override
        public void commit(Offset end) {}

        @Override
        public void stop() {}
    }

    private record GeneratorReaders() implements PartitionReaderFactory {
        @Override
        public PartitionReader<InternalRow> createReader(InputPartition partition) {
            return new Reader((Partition) partition);
        }
    }

    private static final class Reader implements SupportsRealTimeRead<InternalRow> {
        private static final RecordStatus ROW = RecordStatus.newStatusWithoutArrivalTime(true);
        private static final RecordStatus NO_ROW = RecordStatus.newStatusWithoutArrivalTime(false);
        /** Between filling and updating, so that a page does not hold both for one key. */
        private static final long PAUSE_NANOS = TimeUnit.SECONDS.toNanos(1);

        private final UnsafeRow row = new UnsafeRow(2);
        private final RandomKeys keys;
        private final Partition partition;
        private final long intervalNanos;
        private final long fillRows;
        private long given;
        private long dueNanos;

        Reader(Partition of) {
            Shape shape = of.shape();
            partition = of;
            given = of.given();
            intervalNanos = shape.rate() == 0 ? 0 : 1_000_000_000L * shape.partitions() / shape.rate();
            fillRows =
                    shape.rate() == 0 ? 0 : (shape.keys() - of.index() + shape.partitions() - 1) / shape.partitions();
            keys = new RandomKeys(shape.rate() == 0 ? shape.keys() : (int) fillRows, of.index() + 1 + given);
            byte[] bytes = new byte[UnsafeRow.calculateBitSetWidthInBytes(2) + 2 * Long.BYTES];
            row.pointTo(bytes, bytes.length);
        }

        @Override
        public RecordStatus nextWithTimeout(Long startMillis, Long timeoutMillis) {
            if (intervalNanos > 0 && given >= fillRows && !awaitDue(timeoutMillis)) {
                return NO_ROW;
            }
            next();
            return ROW;
        }

        @Override
        public boolean next() {
            if (intervalNanos == 0) {
                row.setLong(0, keys.next());
                row.setLong(1, given & 0x3fff);
            } else if (given < fillRows) {
                row.setLong(0, ownKey(given));
                row.setLong(1, 0);
            } else {
                row.setLong(0, ownKey(keys.next()));
                row.setLong(1, dueNanos);
                dueNanos += intervalNanos;
            }
            given++;
            return true;
        }

        private long ownKey(long index) {
            return partition.index() + index * partition.shape().partitions();
        }

        /**
         * Waits for the next row, for a while; false when it is not due yet. One that could not be given in
         * time was due when it should have been.
         */
        private boolean awaitDue(long timeoutMillis) {
            long now = System.nanoTime();
            if (dueNanos == 0) {
                dueNanos = now + (given > fillRows ? 0 : PAUSE_NANOS);
            }
            long deadline = now + TimeUnit.MILLISECONDS.toNanos(timeoutMillis);
            while (dueNanos - now > 0 && deadline - now > 0) {
                LockSupport.parkNanos(Math.min(dueNanos - now, deadline - now));
                if (Thread.interrupted()) {
                    throw Scala.sneaky(new InterruptedException());
                }
                now = System.nanoTime();
            }
            return dueNanos - now <= 0;
        }

        @Override
        public InternalRow get() {
            return row;
        }

        @Override
        public PartitionOffset getOffset() {
            return new RowsGiven(partition.index(), given);
        }

        @Override
        public void close() {}
    }
}
