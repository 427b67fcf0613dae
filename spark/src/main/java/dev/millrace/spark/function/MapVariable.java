package dev.millrace.spark.function;

import static dev.millrace.engine.state.EntryTable.NONE;

import dev.millrace.engine.page.RowView;
import dev.millrace.engine.state.GroupedTable;
import dev.millrace.engine.state.KeyedState;
import java.util.Objects;
import org.apache.spark.sql.streaming.MapState;
import org.apache.spark.sql.streaming.TTLConfig;
import org.jspecify.annotations.Nullable;
import scala.Tuple2;
import scala.collection.AbstractIterator;
import scala.collection.Iterator;

/**
 * A map per key, each of its entries with a time to live of its own.
 *
 * <p>Thread: the owning task.
 */
final class MapVariable<K, V> extends StateVariable<GroupedTable> implements MapState<K, V> {
    private static final long serialVersionUID = 1L;

    private final StateBytes userKeys;
    private final StateBytes values;
    private final RowView view = new RowView();

    MapVariable(
            String name,
            Shape shape,
            CurrentGroup group,
            KeyedState<GroupedTable> state,
            TTLConfig timeToLive,
            StateBytes userKeys,
            StateBytes values) {
        super(name, shape, group, state, timeToLive);
        this.userKeys = userKeys;
        this.values = values;
    }

    private int find(GroupedTable table, @Nullable K key) {
        requireValue(key);
        return table.find(group().hash(), group().key(), userKeys.bytes(key));
    }

    @Override
    public boolean exists() {
        return live(table()).hasNext();
    }

    @Override
    @SuppressWarnings({"unchecked", "NullAway"}) // Spark's own gives null where there is no value
    public V getValue(@Nullable K key) {
        GroupedTable table = table();
        int entry = find(table, key);
        return entry == NONE || !isLive(table, entry) ? null : (V) values.object(table.value(entry, view));
    }

    @Override
    public boolean containsKey(@Nullable K key) {
        GroupedTable table = table();
        int entry = find(table, key);
        return entry != NONE && isLive(table, entry);
    }

    @Override
    public void updateValue(@Nullable K key, @Nullable V value) {
        GroupedTable table = table();
        int entry = find(table, key);
        requireValue(value);
        RowView bytes = values.bytes(value);
        if (entry == NONE) {
            entry = table.add(group().hash(), group().key(), userKeys.bytes(key), bytes, expiryMicros());
        } else {
            entry = table.changeExpiry(table.replace(entry, bytes), expiryMicros());
        }
        assert entry != NONE;
        changed();
    }

    private LiveEntries live(GroupedTable table) {
        return LiveEntries.of(this, table, table.first(group().hash(), group().key()));
    }

    /** Reads an entry of the table. */
    @FunctionalInterface
    private interface EntryReader<T> {
        T read(GroupedTable table, int entry);
    }

    /** Lazily: what is removed while the iterator is read is still given. */
    private <T> Iterator<T> walk(EntryReader<T> reader) {
        GroupedTable table = table();
        LiveEntries entries = live(table);
        return new AbstractIterator<>() {
            @Override
            public boolean hasNext() {
                return entries.hasNext();
            }

            @Override
            public T next() {
                return reader.read(table, entries.next());
            }
        };
    }

    @SuppressWarnings("unchecked")
    private K keyOf(GroupedTable table, int entry) {
        return (K) Objects.requireNonNull(userKeys.object(table.subKey(entry, view)));
    }

    @SuppressWarnings("unchecked")
    private V valueOf(GroupedTable table, int entry) {
        return (V) Objects.requireNonNull(values.object(table.value(entry, view)));
    }

    @Override
    public Iterator<Tuple2<K, V>> iterator() {
        return walk((table, entry) -> new Tuple2<>(keyOf(table, entry), valueOf(table, entry)));
    }

    @Override
    public Iterator<K> keys() {
        return walk(this::keyOf);
    }

    @Override
    public Iterator<V> values() {
        return walk(this::valueOf);
    }

    @Override
    public void removeKey(@Nullable K key) {
        GroupedTable table = table();
        int entry = find(table, key);
        if (entry != NONE) {
            table.remove(entry);
        }
    }

    @Override
    public void clear() {
        int unused = table().removeAll(group().hash(), group().key());
    }
}
