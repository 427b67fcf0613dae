package dev.millrace.spark.checkpoint;

import dev.millrace.engine.epoch.Manifest;
import dev.millrace.engine.snapshot.OperatorId;
import dev.millrace.engine.snapshot.StateSchema;
import dev.millrace.spark.checkpoint.EpochFiles.Kept;
import dev.millrace.spark.key.StateColumns;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.GenericInternalRow;
import org.apache.spark.sql.connector.catalog.SupportsRead;
import org.apache.spark.sql.connector.catalog.Table;
import org.apache.spark.sql.connector.catalog.TableCapability;
import org.apache.spark.sql.connector.catalog.TableProvider;
import org.apache.spark.sql.connector.expressions.Transform;
import org.apache.spark.sql.connector.read.LocalScan;
import org.apache.spark.sql.connector.read.ScanBuilder;
import org.apache.spark.sql.sources.DataSourceRegister;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.sql.util.CaseInsensitiveStringMap;
import org.apache.spark.unsafe.types.UTF8String;
import org.jspecify.annotations.Nullable;

/**
 * The format {@code millrace-state-metadata}: a row for each state of each operator in the committed epochs of a query's
 * checkpoint.
 *
 * <p>Options: {@code path}, the query's checkpointLocation; {@code epoch}, for one epoch alone.
 *
 * <p>Errors: UNSUPPORTED_CHECKPOINT, STATE_CORRUPT.
 */
public final class StateMetadataProvider implements TableProvider, DataSourceRegister {
    private static final StructType COLUMNS = new StructType()
            .add("epoch", DataTypes.LongType, false)
            .add("operator", DataTypes.StringType, false)
            .add("operator_name", DataTypes.StringType, false)
            .add("state", DataTypes.StringType, false)
            .add("kind", DataTypes.StringType, false)
            .add("key_columns", DataTypes.StringType, false)
            .add("map_key_columns", DataTypes.StringType)
            .add("value_columns", DataTypes.StringType)
            .add("key_groups", DataTypes.IntegerType, false)
            .add("sections", DataTypes.IntegerType, false)
            .add("raw_bytes", DataTypes.LongType, false)
            .add("packed_bytes", DataTypes.LongType, false);

    @Override
    public String shortName() {
        return "millrace-state-metadata";
    }

    @Override
    public StructType inferSchema(CaseInsensitiveStringMap options) {
        return COLUMNS;
    }

    @Override
    public Table getTable(StructType schema, Transform[] partitioning, Map<String, String> properties) {
        CaseInsensitiveStringMap options = new CaseInsensitiveStringMap(properties);
        try {
            return new States(
                    StoredCheckpoint.open(StateSelection.location(options), StateTableProvider.configuration(options)),
                    options);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The states of a checkpoint. */
    private record States(StoredCheckpoint checkpoint, CaseInsensitiveStringMap options)
            implements SupportsRead, ScanBuilder, LocalScan {
        @Override
        public String name() {
            return "states of " + checkpoint.location();
        }

        @Override
        public StructType schema() {
            return COLUMNS;
        }

        @Override
        public Set<TableCapability> capabilities() {
            return Set.of(TableCapability.BATCH_READ);
        }

        @Override
        public ScanBuilder newScanBuilder(CaseInsensitiveStringMap readOptions) {
            return this;
        }

        @Override
        public LocalScan build() {
            return this;
        }

        @Override
        public StructType readSchema() {
            return COLUMNS;
        }

        @Override
        public String description() {
            return name();
        }

        @Override
        public InternalRow[] rows() {
            List<InternalRow> rows = new ArrayList<>();
            try {
                for (Manifest manifest : manifests()) {
                    addRows(manifest, rows);
                }
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
            return rows.toArray(InternalRow[]::new);
        }

        private List<Manifest> manifests() throws IOException {
            if (options.containsKey(StateSelection.EPOCH)) {
                return List.of(checkpoint.committed(StateSelection.epoch(checkpoint, options)));
            }
            List<Manifest> manifests = new ArrayList<>();
            Set<Long> committed = checkpoint.committedEpochs();
            for (StoredCheckpoint.Decision decision : checkpoint.decisions()) {
                if (committed.contains(decision.epoch())
                        && decision.standing() instanceof StoredCheckpoint.Readable readable) {
                    manifests.add(readable.manifest());
                }
            }
            return manifests;
        }

        private void addRows(Manifest manifest, List<InternalRow> rows) throws IOException {
            EpochFiles files = EpochFiles.of(checkpoint.files(), manifest);
            for (OperatorId operator : manifest.state().operators().keySet()) {
                Map<Integer, Kept> kept = files.states().getOrDefault(operator, Map.of());
                String name = Objects.requireNonNull(
                                manifest.state().operators().get(operator))
                        .name();
                for (StateSchema state : OperatorStates.of(checkpoint, manifest, operator)) {
                    rows.add(row(
                            manifest.epoch(), operator, name, state, kept.getOrDefault(state.index(), Kept.NOTHING)));
                }
            }
        }

        private static InternalRow row(long epoch, OperatorId operator, String name, StateSchema state, Kept kept) {
            @Nullable
            Object[] columns = {
                epoch,
                UTF8String.fromString(operator.toString()),
                UTF8String.fromString(name),
                UTF8String.fromString(state.name()),
                UTF8String.fromString(state.kind().name()),
                columns(state.key()),
                state.kind() == StateSchema.Kind.MAP ? columns(state.subKey()) : null,
                StateColumns.parse(state.value()).isEmpty() ? null : columns(state.value()),
                kept.keyGroups(),
                kept.sections(),
                kept.rawBytes(),
                kept.packedBytes()
            };
            return new GenericInternalRow(columns);
        }

        private static UTF8String columns(String text) {
            return UTF8String.fromString(StateColumns.parse(text).toDDL());
        }
    }
}
