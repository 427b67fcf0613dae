package dev.millrace.spark.differential;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Collectors;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.catalyst.CatalystTypeConverters$;
import org.apache.spark.sql.catalyst.InternalRow;
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
import org.apache.spark.sql.types.StructType;
import org.apache.spark.sql.util.CaseInsensitiveStringMap;

/**
 * Reads an {@link EventTable} as far as it was released, row by row as a continuous stream, in any process of this
 * machine: a partition's rows travel with it, and how far it was released stands in a file that readers have in their
 * memory. Option: {@code table}, the name under which it was put here.
 */
public final class RowsProvider implements TableProvider {
    private static final Map<String, Shelf> SHELVES = new ConcurrentHashMap<>();
    private static final VarHandle COUNTS = MethodHandles.byteBufferViewVarHandle(int[].class, ByteOrder.nativeOrder());

    /** A table, and how much of it may be read. Thread: any. */
    static final class Shelf {
        private final StructType schema;
        private final List<Part> parts = new ArrayList<>();
        private final MappedByteBuffer released;

        private Shelf(EventTable table, Path file, Failures failures) throws IOException {
            schema = table.schema();
            int partitions = table.partitions().size();
            try (FileChannel channel = FileChannel.open(
                    file, StandardOpenOption.CREATE_NEW, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
                released = channel.map(FileChannel.MapMode.READ_WRITE, 0, (long) partitions * Integer.BYTES);
            }
            var converter = CatalystTypeConverters$.MODULE$.createToCatalystConverter(schema);
            for (List<Row> rows : table.partitions()) {
                List<InternalRow> converted = rows.stream()
                        .map(row -> (InternalRow) converter.apply(row))
                        .toList();
                parts.add(new Part(file.toString(), parts.size(), 0, converted, failures));
            }
        }

        /** Lets each partition be read up to a number of rows. */
        void release(int[] counts) {
            for (int i = 0; i < counts.length; i++) {
                COUNTS.setVolatile(released, i * Integer.BYTES, counts[i]);
            }
        }
    }

    /**
     * @param file a new one, on a disk that all processes see
     * @param failures what lets its reads fail
     */
    static Shelf put(String name, EventTable table, Path file, Failures failures) throws IOException {
        Shelf shelf = new Shelf(table, file, failures);
        SHELVES.put(name, shelf);
        return shelf;
    }

    static void remove(String name) {
        SHELVES.remove(name);
    }

    private static Shelf shelf(String name) {
        return Objects.requireNonNull(SHELVES.get(name), name);
    }

    @Override
    public StructType inferSchema(CaseInsensitiveStringMap options) {
        return shelf(options.get("table")).schema;
    }

    @Override
    public Table getTable(StructType schema, Transform[] partitioning, Map<String, String> properties) {
        return new ShelfTable(new CaseInsensitiveStringMap(properties).get("table"));
    }

    private record ShelfTable(String name) implements Table, SupportsRead {
        @Override
        @SuppressWarnings("deprecation") // Spark asks for the schema in this form too
        public StructType schema() {
            return shelf(name).schema;
        }

        @Override
        public Set<TableCapability> capabilities() {
            return Set.of(TableCapability.CONTINUOUS_READ);
        }

        @Override
        public ScanBuilder newScanBuilder(CaseInsensitiveStringMap options) {
            return () -> new ShelfScan(name);
        }
    }

    private record ShelfScan(String name) implements Scan {
        @Override
        public StructType readSchema() {
            return shelf(name).schema;
        }

        @Override
        public ContinuousStream toContinuousStream(String checkpointLocation) {
            return new Continuous(name);
        }
    }

    private record Given(int partition, int count) implements PartitionOffset {}

    private static final class Counts extends Offset {
        private final int[] counts;

        Counts(int[] counts) {
            this.counts = counts.clone();
        }

        static Counts parse(String json) {
            return new Counts(Arrays.stream(json.replaceAll("[\\[\\]]", "").split(","))
                    .mapToInt(Integer::parseInt)
                    .toArray());
        }

        @Override
        public String json() {
            return Arrays.stream(counts).mapToObj(Integer::toString).collect(Collectors.joining(",", "[", "]"));
        }
    }

    private record Part(String released, int index, int from, List<InternalRow> rows, Failures failures)
            implements InputPartition {
        private static final long serialVersionUID = 1L;

        Part from(int count) {
            return new Part(released, index, count, rows, failures);
        }
    }

    private record Continuous(String name) implements ContinuousStream {
        @Override
        public Offset initialOffset() {
            return new Counts(new int[shelf(name).parts.size()]);
        }

        @Override
        public Offset deserializeOffset(String json) {
            return Counts.parse(json);
        }

        @Override
        public Offset mergeOffsets(PartitionOffset[] offsets) {
            int[] counts = new int[offsets.length];
            for (PartitionOffset offset : offsets) {
                counts[((Given) offset).partition()] = ((Given) offset).count();
            }
            return new Counts(counts);
        }

        @Override
        public InputPartition[] planInputPartitions(Offset start) {
            int[] counts = ((Counts) start).counts;
            InputPartition[] parts = new InputPartition[counts.length];
            for (int i = 0; i < parts.length; i++) {
                parts[i] = shelf(name).parts.get(i).from(counts[i]);
            }
            return parts;
        }

        @Override
        public ContinuousPartitionReaderFactory createContinuousReaderFactory() {
            return new ContinuousReaders();
        }

        @Override
        public void commit(Offset end) {}

        @Override
        public void stop() {}
    }

    private record ContinuousReaders() implements ContinuousPartitionReaderFactory {
        @Override
        public ContinuousPartitionReader<InternalRow> createReader(InputPartition partition) {
            try {
                return new ContinuousReader((Part) partition);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }

    private static final class ContinuousReader implements ContinuousPartitionReader<InternalRow> {
        private static final long PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(1);

        private final Part part;
        private final MappedByteBuffer released;
        private int given;

        ContinuousReader(Part part) throws IOException {
            this.part = part;
            this.given = part.from();
            try (FileChannel channel = FileChannel.open(Path.of(part.released()), StandardOpenOption.READ)) {
                released = channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size());
            }
        }

        @Override
        public boolean next() throws IOException {
            if (given >= (int) COUNTS.getVolatile(released, part.index() * Integer.BYTES)) {
                LockSupport.parkNanos(PAUSE_NANOS);
                return false;
            }
            part.failures().reading();
            given++;
            return true;
        }

        @Override
        public InternalRow get() {
            return part.rows().get(given - 1);
        }

        @Override
        public PartitionOffset getOffset() {
            return new Given(part.index(), given);
        }

        @Override
        public void close() {}
    }
}
