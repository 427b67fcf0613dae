package dev.millrace.bench.throughput;

import java.util.Map;
import java.util.Set;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.UnsafeRow;
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
 * A continuous Spark source that gives rows of two longs, {@code id} and {@code amount}, without end and
 * as fast as they are taken. Options: {@code keys}, {@code partitions}.
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
            return Set.of(TableCapability.CONTINUOUS_READ);
        }

        @Override
        public ScanBuilder newScanBuilder(CaseInsensitiveStringMap options) {
            int partitions = options.getInt("partitions", 2);
            int keys = options.getInt("keys", 1_000);
            return () -> new GeneratorScan(partitions, keys);
        }
    }

    private record GeneratorScan(int partitions, int keys) implements Scan {
        @Override
        public StructType readSchema() {
            return SCHEMA;
        }

        @Override
        public ContinuousStream toContinuousStream(String checkpointLocation) {
            return new GeneratorStream(partitions, keys);
        }
    }

    private record Partition(int index, int keys) implements InputPartition {}

    private record RowsGiven(int partition, long count) implements PartitionOffset {}

    private static final class TotalRows extends Offset {
        private final long count;

        TotalRows(long count) {
            this.count = count;
        }

        @Override
        public String json() {
            return Long.toString(count);
        }
    }

    private record GeneratorStream(int partitions, int keys) implements ContinuousStream {
        @Override
        public Offset initialOffset() {
            return new TotalRows(0);
        }

        @Override
        public Offset deserializeOffset(String json) {
            return new TotalRows(Long.parseLong(json));
        }

        @Override
        public Offset mergeOffsets(PartitionOffset[] offsets) {
            long sum = 0;
            for (PartitionOffset offset : offsets) {
                sum += ((RowsGiven) offset).count();
            }
            return new TotalRows(sum);
        }

        @Override
        public InputPartition[] planInputPartitions(Offset start) {
            InputPartition[] made = new InputPartition[partitions];
            for (int i = 0; i < partitions; i++) {
                made[i] = new Partition(i, keys);
            }
            return made;
        }

        @Override
        public ContinuousPartitionReaderFactory createContinuousReaderFactory() {
            return new GeneratorReaders();
        }

        @Override
        public void commit(Offset end) {}

        @Override
        public void stop() {}
    }

    private record GeneratorReaders() implements ContinuousPartitionReaderFactory {
        @Override
        public ContinuousPartitionReader<InternalRow> createReader(InputPartition partition) {
            return new Reader((Partition) partition);
        }
    }

    private static final class Reader implements ContinuousPartitionReader<InternalRow> {
        private final UnsafeRow row = new UnsafeRow(2);
        private final RandomKeys keys;
        private final int partition;
        private long given;

        Reader(Partition of) {
            partition = of.index();
            keys = new RandomKeys(of.keys(), of.index() + 1);
            byte[] bytes = new byte[UnsafeRow.calculateBitSetWidthInBytes(2) + 2 * Long.BYTES];
            row.pointTo(bytes, bytes.length);
        }

        @Override
        public boolean next() {
            row.setLong(0, keys.next());
            row.setLong(1, given & 0x3fff);
            given++;
            return true;
        }

        @Override
        public InternalRow get() {
            return row;
        }

        @Override
        public PartitionOffset getOffset() {
            return new RowsGiven(partition, given);
        }

        @Override
        public void close() {}
    }
}
