package dev.millrace.spark.migration;

import dev.millrace.engine.exchange.KeyGroupFunction;
import dev.millrace.engine.page.RowView;
import dev.millrace.engine.snapshot.OperatorId;
import dev.millrace.engine.snapshot.Section;
import dev.millrace.engine.snapshot.SectionKey;
import dev.millrace.engine.snapshot.SnapshotFileWriter;
import dev.millrace.engine.snapshot.StateSchema;
import dev.millrace.engine.state.KeyGroupWriter;
import dev.millrace.spark.fragment.Rows;
import dev.millrace.spark.key.StateColumns;
import dev.millrace.spark.plan.HashKeyGroups;
import dev.millrace.spark.scala.Scala;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.catalyst.expressions.UnsafeProjection;
import org.apache.spark.sql.catalyst.types.DataTypeUtils$;
import org.apache.spark.sql.types.StructType;

/**
 * Makes a state of Millrace's of one of Spark's stores: the same keys and values, each in the key group that owns it.
 *
 * <p>Thread: one. Memory: a quarter of a megabyte for each key group.
 */
final class StoreCopy {
    private final SnapshotFileWriter file;
    private final OperatorId operator;
    private final StateSchema schema;
    private final StoredOperator.Store store;
    private final KeyGroupFunction keyGroups;
    private final UnsafeProjection keyRow;
    private final UnsafeProjection valueRow;
    private final RowView key = new RowView();
    private final RowView value = new RowView();
    private final Map<Integer, KeyGroupWriter> writers = new TreeMap<>();

    /**
     * @param keyColumns how many of the columns of the store's keys are the key, the first ones
     * @param valueColumns the same of its values
     *
     * <p>Errors: UNSUPPORTED_CHECKPOINT where those have other types than the state's.
     */
    StoreCopy(
            SnapshotFileWriter file,
            OperatorId operator,
            StateSchema schema,
            StoredOperator from,
            StoredOperator.Store store,
            int keyColumns,
            int valueColumns,
            int keyGroupCount) {
        this.file = file;
        this.operator = operator;
        this.schema = schema;
        this.store = store;
        StructType keyType = first(store.key(), keyColumns);
        StructType valueType = first(store.value(), valueColumns);
        if (!StateColumns.isReadAs(keyType, StateColumns.parse(schema.key()))
                || !StateColumns.isReadAs(valueType, StateColumns.parse(schema.value()))) {
            throw SparkState.refused("its operator %d, %s, keeps key=%s, value=%s, and the query %s"
                    .formatted(
                            from.id(),
                            from.name(),
                            keyType.catalogString(),
                            valueType.catalogString(),
                            StateColumns.describe(schema)));
        }
        this.keyRow = UnsafeProjection.create(keyType);
        this.valueRow = UnsafeProjection.create(valueType);
        List<Attribute> attributes = Scala.list(DataTypeUtils$.MODULE$.toAttributes(keyType));
        this.keyGroups = attributes.isEmpty()
                ? (bytes, offset, sizeBytes) -> 0 // what has no key is task 0's
                : new HashKeyGroups(
                                List.copyOf(attributes),
                                attributes,
                                keyGroupCount,
                                from.session().sessionState().conf())
                        .get();
    }

    private static StructType first(StructType columns, int count) {
        return new StructType(Arrays.copyOf(columns.fields(), count));
    }

    /** Takes an entry of the store, and {@link #put}s what becomes of it; or does not. */
    @FunctionalInterface
    interface Taker {
        void take(InternalRow storedKey, InternalRow storedValue);
    }

    /** The key of the entry at hand. */
    RowView key() {
        return key;
    }

    /** Its value. */
    RowView value() {
        return value;
    }

    /** Keeps an entry of the key at hand. */
    void put(RowView entryKey, int subKeySizeBytes, RowView entryValue, long expiryMicros) {
        int keyGroup = keyGroups.keyGroup(key.bytes(), key.offset(), key.sizeBytes());
        writers.computeIfAbsent(keyGroup, this::writer).put(entryKey, subKeySizeBytes, entryValue, expiryMicros);
    }

    private KeyGroupWriter writer(int keyGroup) {
        return new KeyGroupWriter(new SectionKey(operator, schema.index(), keyGroup), true, this::append);
    }

    private void append(Section section) {
        try {
            file.append(section);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Goes through the store, and writes what becomes of it. Returns how many entries the store has. */
    long write(Taker taker) throws IOException {
        long count = 0;
        try {
            for (Iterator<InternalRow> rows = store.entries(); rows.hasNext(); count++) {
                InternalRow row = rows.next();
                InternalRow storedKey = row.getStruct(0, store.key().length());
                InternalRow storedValue = row.getStruct(1, store.value().length());
                Rows.point(key, keyRow.apply(storedKey));
                Rows.point(value, valueRow.apply(storedValue));
                taker.take(storedKey, storedValue);
            }
            writers.values().forEach(KeyGroupWriter::finish);
        } catch (UncheckedIOException e) {
            throw e.getCause();
        }
        return count;
    }
}
