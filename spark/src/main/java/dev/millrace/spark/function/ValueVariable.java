package dev.millrace.spark.function;

import static dev.millrace.engine.state.EntryTable.NONE;

import dev.millrace.engine.page.RowView;
import dev.millrace.engine.state.KeyedState;
import dev.millrace.engine.state.KeyedTable;
import org.apache.spark.sql.streaming.TTLConfig;
import org.apache.spark.sql.streaming.ValueState;
import org.jspecify.annotations.Nullable;

/**
 * One value per key.
 *
 * <p>Thread: the owning task.
 */
final class ValueVariable<S> extends StateVariable<KeyedTable> implements ValueState<S> {
    private static final long serialVersionUID = 1L;

    private final StateBytes values;
    private final RowView view = new RowView();

    ValueVariable(
            String name,
            Shape shape,
            CurrentGroup group,
            KeyedState<KeyedTable> state,
            TTLConfig timeToLive,
            StateBytes values) {
        super(name, shape, group, state, timeToLive);
        this.values = values;
    }

    private int find(KeyedTable table) {
        return table.find(group().hash(), group().key());
    }

    @Override
    public boolean exists() {
        KeyedTable table = table();
        int entry = find(table);
        return entry != NONE && isLive(table, entry);
    }

    @Override
    @SuppressWarnings({"unchecked", "NullAway"}) // Spark's own gives null where there is no value
    public S get() {
        KeyedTable table = table();
        int entry = find(table);
        return entry == NONE || !isLive(table, entry) ? null : (S) values.object(table.value(entry, view));
    }

    @Override
    public void update(@Nullable S value) {
        requireValue(value);
        KeyedTable table = table();
        int entry = find(table);
        RowView bytes = values.bytes(value);
        if (entry == NONE) {
            entry = table.add(group().hash(), group().key(), bytes, expiryMicros());
        } else {
            entry = table.changeExpiry(table.replace(entry, bytes), expiryMicros());
        }
        assert entry != NONE;
        changed();
    }

    @Override
    public void clear() {
        KeyedTable table = table();
        int entry = find(table);
        if (entry != NONE) {
            table.remove(entry);
        }
    }
}
