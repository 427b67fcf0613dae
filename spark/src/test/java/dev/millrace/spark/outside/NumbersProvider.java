package dev.millrace.spark.outside;

import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.LongStream;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.GenericInternalRow;
import org.apache.spark.sql.connector.catalog.SupportsRead;
import org.apache.spark.sql.connector.catalog.Table;
import org.apache.spark.sql.connector.catalog.TableCapability;
import org.apache.spark.sql.connector.catalog.TableProvider;
import org.apache.spark.sql.connector.expressions.Transform;
import org.apache.spark.sql.connector.read.InputPartition;
import org.apache.spark.sql.connector.read.Scan;
import org.apache.spark.sql.connector.read.ScanBuilder;
import org.apache.spark.sql.connector.read.streaming.ContinuousPartitionReader;
import org.apache.spark.sql.connector.read.streaming.ContinuousPartitionReaderFactory;
import org.apache.spark.sql.connector.read.streaming.ContinuousStream;
import org.apache.spark.sql.connector.read.streaming.Offset;
import org.apache.spark.sql.connector.read.streaming.PartitionOffset;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.sql.util.CaseInsensitiveStringMap;

/**
 * A source that can be replayed in any process: row {@code n} of partition {@code p} of {@code P} is the
 * number {@code n * P + p}. Options: {@code partitions}; {@code rows} per partition, then it is quiet;
 * {@code perSecond}, rows of each partition. Springs the trap {@code read} before each row.
 */
public final class NumbersProvider implements TableProvider {
    private static final StructType SCHEMA = new StructType().add("value", DataTypes.LongType, false);
    private static volatile long released = Long.MAX_VALUE;

    /** Holds back the rows of each partition from this number on. */
    public static void release(long rows) {
        released = rows;
    }

    @Override
    public StructType inferSchema(CaseInsensitiveStringMap options) {
        return SCHEMA;
    }

    @Override
    public Table getTable(StructType schema, Transform[] partitioning, Map<String, String> properties) {
        return new NumbersTable();
    }

    private static final class NumbersTable implements Table, SupportsRead {
        @Override
        public String name() {
            return "numbers";
        }

        @Override
        @SuppressWarnings("deprecation") // Spark asks for the schema in this form too
        public StructType schema() {
            return SCHEMA;
        }

        @Override
        public Set<TableCapability> capabilities() {
            return Set.of(TableCapability.CONTINUOUS_READ);
        }

        @Override
        public ScanBuilder newScanBuilder(CaseInsensitiveStringMap options) {
            return () -> new NumbersScan(
                    options.getInt("partitions", 2),
                    options.getLong("rows", Long.MAX_VALUE),
                    options.getLong("perSecond", 1_000_000));
        }
    }

    private record NumbersScan(int partitions, long rows, long perSecond) implements Scan {
        @Override
        public StructType readSchema() {
            return SCHEMA;
        }

        @Override
        public ContinuousStream toContinuousStream(String checkpointLocation) {
            return new NumbersStream(this);
        }
    }

    private record Partition(NumbersScan scan, int index, long first) implements InputPartition {}

    private record Given(int partition, long count) implements PartitionOffset {}

    private static final class AllGiven extends Offset {
        private final long[] counts;

        AllGiven(long[] counts) {
            this.counts = counts;
        }

        @Override
        public String json() {
            return LongStream.of(counts).mapToObj(Long::toString).collect(Collectors.joining(",", "[", "]"));
        }
    }

    private record NumbersStream(NumbersScan scan) implements ContinuousStream {
        @Override
        public Offset initialOffset() {
            return new AllGiven(new long[scan.partitions()]);
        }

        @Override
        public Offset deserializeOffset(String json) {
            return new AllGiven(
                    java.util.Arrays.stream(json.replaceAll("[\\[\\]]", "").split(","))
                            .mapToLong(Long::parseLong)
                            .toArray());
        }

        @Override
        public Offset mergeOffsets(PartitionOffset[] offsets) {
            long[] counts = new long[offsets.length];
            for (PartitionOffset offset : offsets) {
                counts[((Given) offset).partition()] = ((Given) offset).count();
            }
            return new AllGiven(counts);
        }

        @Override
        public InputPartition[] planInputPartitions(Offset start) {
            InputPartition[] made = new InputPartition[scan.partitions()];
            for (int i = 0; i < made.length; i++) {
                made[i] = new Partition(scan, i, ((AllGiven) start).counts[i]);
            }
            return made;
        }

        @Override
        public ContinuousPartitionReaderFactory createContinuousReaderFactory() {
            return new Readers();
        }

        @Override
        public void commit(Offset end) {}

        @Override
        public void stop() {}
    }

    private record Readers() implements ContinuousPartitionReaderFactory {
        @Override
        public ContinuousPartitionReader<InternalRow> createReader(InputPartition partition) {
            return new Reader((Partition) partition);
        }
    }

    private static final class Reader implements ContinuousPartitionReader<InternalRow> {
        private final Partition partition;
        private final long openedNanos = System.nanoTime();
        private final GenericInternalRow row = new GenericInternalRow(1);
        private long given;

        Reader(Partition partition) {
            this.partition = partition;
            this.given = partition.first();
        }

        @Override
        public boolean next() {
            long elapsedNanos = System.nanoTime() - openedNanos;
            long due = partition.first()
                    + (long) ((double) partition.scan().perSecond() * elapsedNanos / TimeUnit.SECONDS.toNanos(1));
            if (given >= Math.min(due, Math.min(released, partition.scan().rows()))) {
                java.util.concurrent.locks.LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(2));
                return false;
            }
            Traps.pass("read");
            row.setLong(0, given * partition.scan().partitions() + partition.index());
            given++;
            return true;
        }

        @Override
        public InternalRow get() {
            return row;
        }

        @Override
        public PartitionOffset getOffset() {
            return new Given(partition.index(), given);
        }

        @Override
        public void close() {}
    }
}
