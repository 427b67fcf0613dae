package dev.millrace.spark.checkpoint;

import dev.millrace.engine.operator.StoredSessions;
import dev.millrace.engine.page.RowView;
import dev.millrace.engine.snapshot.RestoredState;
import dev.millrace.engine.snapshot.SectionKey;
import dev.millrace.engine.snapshot.SnapshotStorage;
import dev.millrace.engine.snapshot.StateIndex;
import dev.millrace.engine.snapshot.StateSchema;
import dev.millrace.engine.state.EntryTable;
import dev.millrace.engine.state.KeyedState;
import dev.millrace.engine.state.MemoryBudget;
import dev.millrace.engine.state.StateEntries;
import dev.millrace.spark.key.StateColumns;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.GenericInternalRow;
import org.apache.spark.sql.catalyst.expressions.UnsafeRow;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.unsafe.Platform;
import org.jspecify.annotations.Nullable;

/**
 * The entries of a state as rows: its key, what tells entries of one key apart, its value, when it expires, and its key
 * group.
 *
 * <p>Thread: one. Lifetime: a row is valid until the next one. Memory: all entries of the key groups that are read.
 */
final class StateRows implements AutoCloseable {
    private static final int WORD_MASK = ~7;
    private static final long ENOUGH_BYTES = 1L << 62;

    private final StateSchema schema;
    private final StructType keyColumns;
    private final StructType subKeyColumns;
    private final StructType valueColumns;
    private final KeyedState<? extends EntryTable> state;
    private final StateEntries entries;
    private final RowView keyView = new RowView();
    private final RowView view = new RowView();
    private @Nullable StoredSessions sessions;
    private InternalRow row = InternalRow.empty();

    private StateRows(StateSchema schema, KeyedState<? extends EntryTable> state) {
        this.schema = schema;
        this.state = state;
        this.entries = new StateEntries(state);
        this.keyColumns = StateColumns.parse(schema.key());
        this.subKeyColumns = StateColumns.parse(schema.subKey());
        this.valueColumns = StateColumns.parse(schema.value());
    }

    /** The columns of the rows. */
    static StructType columns(StateSchema schema) {
        StructType columns = new StructType().add("key", StateColumns.parse(schema.key()));
        columns = switch (schema.kind()) {
            case VALUE -> columns;
            case LIST -> columns.add("position", DataTypes.IntegerType, false);
            case MAP -> columns.add("map_key", StateColumns.parse(schema.subKey()));
            case SESSIONS ->
                columns.add(
                        "session",
                        new StructType().add("start", DataTypes.TimestampType).add("end", DataTypes.TimestampType),
                        false);
            case TIMES -> columns.add("time", DataTypes.TimestampType, false);
        };
        StructType value = StateColumns.parse(schema.value());
        if (!value.isEmpty()) {
            columns = columns.add("value", value);
        }
        return columns.add("expires", DataTypes.TimestampType).add("key_group", DataTypes.IntegerType, false);
    }

    /** Reads the entries of some key groups into memory. Errors: STATE_CORRUPT, IOException. */
    static StateRows read(SnapshotStorage storage, StateSelection selection, Set<Integer> keyGroups)
            throws IOException {
        StateIndex index = selection.manifest().state();
        StateSchema schema = selection.schema();
        Map<SectionKey, List<String>> files = selection.files();
        files.keySet().removeIf(key -> !keyGroups.contains(key.keyGroup()));
        MemoryBudget budget = new MemoryBudget(ENOUGH_BYTES);
        int keyGroupCount = index.keyGroupCount();
        KeyedState<? extends EntryTable> state =
                switch (schema.kind()) {
                    case VALUE, SESSIONS -> KeyedState.ofValues(keyGroupCount, budget);
                    case LIST -> KeyedState.ofLists(keyGroupCount, budget);
                    case MAP, TIMES -> KeyedState.ofGroups(keyGroupCount, budget);
                };
        RestoredState restored = new RestoredState(storage, new StateIndex(keyGroupCount, index.operators(), files));
        OperatorStates.reading(() -> restored.read(selection.operator(), keyGroups::contains, state::restore));
        return new StateRows(schema, state);
    }

    /** Moves to the next row; false behind the last one. */
    boolean next() {
        if (sessions != null && sessions.next()) {
            row = session(sessions);
            return true;
        }
        while (entries.next()) {
            if (schema.kind() != StateSchema.Kind.SESSIONS) {
                row = entry();
                return true;
            }
            StoredSessions ofGroup = new StoredSessions(entries.value(view));
            sessions = ofGroup;
            if (ofGroup.next()) {
                row = session(ofGroup);
                return true;
            }
        }
        return false;
    }

    InternalRow row() {
        return row;
    }

    private InternalRow entry() {
        InternalRow value = columns(valueColumns, entries.value(view));
        InternalRow key = columns(keyColumns, entries.key(keyView));
        return switch (schema.kind()) {
            case LIST -> row(key, entries.position(), value, expires());
            case MAP -> row(key, columns(subKeyColumns, entries.subKey(view)), value, expires());
            case TIMES -> {
                RowView time = entries.subKey(view);
                long millis = ByteBuffer.wrap(time.bytes(), time.offset(), time.sizeBytes())
                        .getLong();
                yield row(key, TimeUnit.MILLISECONDS.toMicros(millis), value, expires());
            }
            default -> row(key, null, value, expires());
        };
    }

    private InternalRow session(StoredSessions at) {
        Object[] times = {at.startMicros(), at.endMicros()};
        return row(
                columns(keyColumns, entries.key(keyView)),
                new GenericInternalRow(times),
                columns(valueColumns, at.buffer()),
                at.endMicros());
    }

    private InternalRow row(
            @Nullable InternalRow key, @Nullable Object subKey, @Nullable InternalRow value, @Nullable Object expires) {
        int fields = 3 + (schema.kind() == StateSchema.Kind.VALUE ? 0 : 1) + (valueColumns.isEmpty() ? 0 : 1);
        @Nullable Object[] all = new Object[fields];
        int at = 0;
        all[at++] = key;
        if (schema.kind() != StateSchema.Kind.VALUE) {
            all[at++] = subKey;
        }
        if (!valueColumns.isEmpty()) {
            all[at++] = value;
        }
        all[at++] = expires;
        all[at] = entries.keyGroup();
        return new GenericInternalRow(all);
    }

    private @Nullable Long expires() {
        long micros = entries.expiryMicros();
        return micros == EntryTable.NEVER ? null : micros;
    }

    /** Bytes as a row of Spark's; what an operator keeps behind it is not a whole word. Null where there is no row. */
    private static @Nullable InternalRow columns(StructType columns, RowView bytes) {
        int sizeBytes = bytes.sizeBytes() & WORD_MASK;
        if (sizeBytes == 0 && !columns.isEmpty()) {
            return null;
        }
        UnsafeRow row = new UnsafeRow(columns.length());
        row.pointTo(bytes.bytes(), Platform.BYTE_ARRAY_OFFSET + (long) bytes.offset(), sizeBytes);
        return row;
    }

    @Override
    public void close() {
        state.close();
    }
}
