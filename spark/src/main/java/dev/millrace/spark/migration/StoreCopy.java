package dev.millrace.spark.migration;

import dev.millrace.engine.exchange.KeyGroupFunction;
import dev.millrace.engine.page.RowView;
import dev.millrace.engine.snapshot.OperatorId;
import dev.millrace.engine.snapshot.Section;
import dev.millrace.engine.snapshot.SectionKey;
import dev.millrace.engine.snapshot.SnapshotFileWriter;
import dev.millrace.engine.snapshot.StateSchema;
import dev.millrace.engine.state.KeyGroupWriter;
import dev.millrace.spark.key.StateColumns;
import dev.millrace.spark.plan.HashKeyGroups;
import dev.millrace.spark.scala.Scala;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.catalyst.types.DataTypeUtils$;
import org.apache.spark.sql.internal.SQLConf$;
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
    private final KeyGroupFunction keyGroups;
    private final Map<Integer, KeyGroupWriter> writers = new TreeMap<>();

    /**
     * @param key the columns of the keys that decide on the key group, in Spark's types
     * @param value the same of values
     *
     * <p>Errors: UNSUPPORTED_CHECKPOINT where those have other types than the state's.
     */
    StoreCopy(Transfer transfer, StateSchema schema, StructType key, StructType value) {
        this.file = transfer.file();
        this.operator = transfer.to().id();
        this.schema = schema;
        if (!StateColumns.isReadAs(key, StateColumns.parse(schema.key()))
                || !StateColumns.isReadAs(value, StateColumns.parse(schema.value()))) {
            throw transfer.from()
                    .refused("keeps key=%s, value=%s, and the query %s"
                            .formatted(key.catalogString(), value.catalogString(), StateColumns.describe(schema)));
        }
        List<Attribute> attributes = Scala.list(DataTypeUtils$.MODULE$.toAttributes(key));
        this.keyGroups = attributes.isEmpty()
                ? (bytes, offset, sizeBytes) -> 0 // what has no key is task 0's
                : SQLConf$.MODULE$.withExistingConf(
                        transfer.from().session().sessionState().conf(),
                        new HashKeyGroups(List.copyOf(attributes), attributes, transfer.keyGroupCount())::get);
    }

    /** Takes a row of the store, and {@link #put}s what becomes of it; or does not. */
    @FunctionalInterface
    interface Taker {
        void take(InternalRow row);
    }

    /** Keeps an entry without a sub-key. */
    void put(RowView key, RowView value, long expiryMicros) {
        put(key, key, 0, value, expiryMicros);
    }

    /** @param entryKey the key with its sub-key behind it */
    void put(RowView key, RowView entryKey, int subKeySizeBytes, RowView value, long expiryMicros) {
        int keyGroup = keyGroups.keyGroup(key.bytes(), key.offset(), key.sizeBytes());
        writers.computeIfAbsent(keyGroup, this::writer).put(entryKey, subKeySizeBytes, value, expiryMicros);
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

    /** Goes through a store, and writes what becomes of it. Returns how many entries the store has. */
    long write(StoredOperator.Store store, Taker taker) throws IOException {
        return write(store, taker, () -> {});
    }

    /** @param end takes what is left behind the last row */
    long write(StoredOperator.Store store, Taker taker, Runnable end) throws IOException {
        long count = 0;
        try {
            for (Iterator<InternalRow> rows = store.entries(); rows.hasNext(); count++) {
                taker.take(rows.next());
            }
            end.run();
            writers.values().forEach(KeyGroupWriter::finish);
        } catch (UncheckedIOException e) {
            throw e.getCause();
        }
        return count;
    }
}
