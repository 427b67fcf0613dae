package dev.millrace.spark.checkpoint;

import dev.millrace.engine.epoch.ManifestLog;
import dev.millrace.engine.snapshot.OperatorId;
import dev.millrace.engine.snapshot.SectionKey;
import dev.millrace.engine.snapshot.SnapshotFile;
import dev.millrace.engine.snapshot.SnapshotStorage;
import dev.millrace.engine.snapshot.StateSchema;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.connector.catalog.SupportsRead;
import org.apache.spark.sql.connector.catalog.TableCapability;
import org.apache.spark.sql.connector.read.Batch;
import org.apache.spark.sql.connector.read.InputPartition;
import org.apache.spark.sql.connector.read.PartitionReader;
import org.apache.spark.sql.connector.read.PartitionReaderFactory;
import org.apache.spark.sql.connector.read.Scan;
import org.apache.spark.sql.connector.read.ScanBuilder;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.sql.util.CaseInsensitiveStringMap;
import org.apache.spark.util.SerializableConfiguration;
import org.jspecify.annotations.Nullable;

/**
 * A state as a table. A partition is some of its key groups, as many as are small enough together to be read into memory.
 *
 * <p>Thread: the driver's, but for the readers.
 */
final class StateTable implements SupportsRead, ScanBuilder, Scan, Batch {
    /** What is read into memory at once: bytes of snapshots, before compression. */
    private static final long PARTITION_BYTES = 32L << 20;

    private final StoredCheckpoint checkpoint;
    private final Configuration configuration;
    private final StateSelection selection;

    StateTable(StoredCheckpoint checkpoint, Configuration configuration, StateSelection selection) {
        this.checkpoint = checkpoint;
        this.configuration = configuration;
        this.selection = selection;
    }

    @Override
    public String name() {
        return "state %s of operator %s in epoch %d of %s"
                .formatted(
                        selection.schema().name(),
                        selection.operator(),
                        selection.manifest().epoch(),
                        checkpoint.location());
    }

    @Override
    public StructType schema() {
        return StateRows.columns(selection.schema());
    }

    @Override
    public Set<TableCapability> capabilities() {
        return Set.of(TableCapability.BATCH_READ);
    }

    @Override
    public ScanBuilder newScanBuilder(CaseInsensitiveStringMap options) {
        return this;
    }

    @Override
    public Scan build() {
        return this;
    }

    @Override
    public StructType readSchema() {
        return schema();
    }

    @Override
    public String description() {
        return name();
    }

    @Override
    public Batch toBatch() {
        return this;
    }

    /** Some key groups of the state. */
    private record KeyGroups(Set<Integer> keyGroups) implements InputPartition {}

    @Override
    public InputPartition[] planInputPartitions() {
        List<InputPartition> partitions = new ArrayList<>();
        Set<Integer> gathered = new TreeSet<>();
        long gatheredBytes = 0;
        for (Map.Entry<Integer, Long> keyGroup : sizes().entrySet()) {
            if (!gathered.isEmpty() && gatheredBytes + keyGroup.getValue() > PARTITION_BYTES) {
                partitions.add(new KeyGroups(Set.copyOf(gathered)));
                gathered.clear();
                gatheredBytes = 0;
            }
            gathered.add(keyGroup.getKey());
            gatheredBytes += keyGroup.getValue();
        }
        if (!gathered.isEmpty()) {
            partitions.add(new KeyGroups(Set.copyOf(gathered)));
        }
        return partitions.toArray(InputPartition[]::new);
    }

    /** What each key group takes before compression. */
    private Map<Integer, Long> sizes() {
        Map<Integer, Long> sizes = new TreeMap<>();
        SnapshotStorage storage = checkpoint.files();
        Map<SectionKey, List<String>> wanted = selection.files();
        try {
            for (String file : selection.manifest().state().allFiles()) {
                try (SnapshotStorage.Input input = storage.open(file)) {
                    for (SnapshotFile.Entry entry : SnapshotFile.index(input, file)) {
                        if (wanted.getOrDefault(entry.key(), List.of()).contains(file)) {
                            sizes.merge(entry.key().keyGroup(), (long) entry.rawBytes(), Long::sum);
                        }
                    }
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return sizes;
    }

    @Override
    public PartitionReaderFactory createReaderFactory() {
        return new Readers(
                checkpoint.location().toString(),
                new SerializableConfiguration(configuration),
                selection.manifest().epoch(),
                selection.operator().stageId(),
                selection.operator().operatorIndex(),
                selection.schema());
    }

    /** Makes readers on executors, which look at the epoch's manifest themselves. */
    private record Readers(
            String location,
            SerializableConfiguration configuration,
            long epoch,
            int stageId,
            int operatorIndex,
            StateSchema schema)
            implements PartitionReaderFactory {
        @Override
        public PartitionReader<InternalRow> createReader(InputPartition partition) {
            return new Reader(this, ((KeyGroups) partition).keyGroups());
        }

        StateRows read(Set<Integer> keyGroups) throws IOException {
            SnapshotStorage storage = StateFiles.of(new Path(location), configuration.value());
            StateSelection selection = new StateSelection(
                    new ManifestLog(storage).require(epoch), new OperatorId(stageId, operatorIndex), schema);
            return StateRows.read(storage, selection, keyGroups);
        }
    }

    /** Reads its key groups when it is first asked. Thread: the task's. */
    private static final class Reader implements PartitionReader<InternalRow> {
        private final Readers readers;
        private final Set<Integer> keyGroups;
        private @Nullable StateRows rows;

        Reader(Readers readers, Set<Integer> keyGroups) {
            this.readers = readers;
            this.keyGroups = keyGroups;
        }

        @Override
        public boolean next() throws IOException {
            if (rows == null) {
                rows = readers.read(keyGroups);
            }
            return rows.next();
        }

        @Override
        public InternalRow get() {
            return rows == null ? InternalRow.empty() : rows.row();
        }

        @Override
        public void close() {
            if (rows != null) {
                rows.close();
            }
        }
    }
}
