package dev.millrace.spark.function;

import static dev.millrace.engine.state.EntryTable.NONE;

import dev.millrace.engine.page.RowView;
import dev.millrace.engine.state.GroupedTable;
import dev.millrace.engine.state.KeyedState;
import java.util.Objects;
import org.apache.spark.sql.execution.streaming.state.StateStoreErrors$;
import org.apache.spark.sql.streaming.ListState;
import org.apache.spark.sql.streaming.TTLConfig;
import org.jspecify.annotations.Nullable;
import scala.collection.AbstractIterator;
import scala.collection.Iterator;
import scala.runtime.ScalaRunTime$;

/**
 * A list of values per key, each with a time to live of its own.
 *
 * <p>Thread: the owning task. Scala's arrays of any type are objects to Java.
 */
final class ListVariable<S> extends StateVariable<GroupedTable> implements ListState<S> {
    private static final long serialVersionUID = 1L;

    private final StateBytes values;

    ListVariable(
            String name,
            Shape shape,
            CurrentGroup group,
            KeyedState<GroupedTable> state,
            TTLConfig timeToLive,
            StateBytes values) {
        super(name, shape, group, state, timeToLive);
        this.values = values;
    }

    @Override
    public boolean exists() {
        return get().hasNext();
    }

    /** Lazily: what is removed while the iterator is read is still given. */
    @Override
    public Iterator<S> get() {
        GroupedTable table = table();
        LiveEntries entries = LiveEntries.of(this, table, table.first(group().hash(), group().key()));
        RowView view = new RowView();
        return new AbstractIterator<>() {
            @Override
            public boolean hasNext() {
                return entries.hasNext();
            }

            @Override
            @SuppressWarnings("unchecked")
            public S next() {
                return (S) Objects.requireNonNull(values.object(table.value(entries.next(), view)));
            }
        };
    }

    @Override
    public void put(Object array) {
        requireValues(array);
        clear();
        append(array);
    }

    @Override
    public void appendValue(@Nullable S value) {
        requireValue(value);
        append(table(), value);
    }

    @Override
    public void appendList(Object array) {
        requireValues(array);
        append(array);
    }

    private void requireValues(Object array) {
        requireValue(array);
        StateStoreErrors$.MODULE$.requireNonEmptyListStateValue(array, name());
        for (int i = 0; i < ScalaRunTime$.MODULE$.array_length(array); i++) {
            requireValue(ScalaRunTime$.MODULE$.array_apply(array, i));
        }
    }

    private void append(Object array) {
        GroupedTable table = table();
        for (int i = 0; i < ScalaRunTime$.MODULE$.array_length(array); i++) {
            append(table, ScalaRunTime$.MODULE$.array_apply(array, i));
        }
    }

    private void append(GroupedTable table, @Nullable Object value) {
        int entry = table.append(group().hash(), group().key(), values.bytes(value), expiryMicros());
        assert entry != NONE;
        changed();
    }

    @Override
    public void clear() {
        int unused = table().removeAll(group().hash(), group().key());
    }
}
