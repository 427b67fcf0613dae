package dev.millrace.spark.function;

import static dev.millrace.engine.state.EntryTable.NEVER;

import dev.millrace.engine.state.EntryTable;
import dev.millrace.engine.state.KeyedState;
import org.apache.spark.sql.execution.streaming.state.StateStoreErrors$;
import org.apache.spark.sql.streaming.TTLConfig;
import org.apache.spark.sql.types.StructType;
import org.jspecify.annotations.Nullable;

/**
 * A state variable of a stateful processor: a state of its own, whose entries expire where the variable
 * has a time to live. An entry whose time has come is no longer seen, also before it is removed.
 *
 * <p>Thread: the owning task. Source: Spark's state variables and their TTL state, whose rules and
 * errors these are.
 *
 * @param <T> the kind of the state's tables
 */
abstract class StateVariable<T extends EntryTable> {
    /** What a variable holds under a key. */
    enum Kind {
        VALUE,
        LIST,
        MAP
    }

    /**
     * What is known of a variable beside its entries.
     *
     * @param userKey the columns of a map's key, else none
     * @param value the columns of a value
     */
    record Shape(Kind kind, StructType userKey, StructType value) {}

    private final String name;
    private final Shape shape;
    private final CurrentGroup group;
    private final KeyedState<T> state;
    private final long timeToLiveMillis;
    private long changeCount;

    /** @param timeToLive how long an entry lives, zero for ever; or null for a variable that nobody uses */
    StateVariable(String name, Shape shape, CurrentGroup group, KeyedState<T> state, @Nullable TTLConfig timeToLive) {
        this.name = name;
        this.shape = shape;
        this.group = group;
        this.state = state;
        this.timeToLiveMillis =
                timeToLive == null ? 0 : timeToLive.ttlDuration().toMillis();
    }

    final String name() {
        return name;
    }

    final Shape shape() {
        return shape;
    }

    final KeyedState<T> state() {
        return state;
    }

    /** The key that a call is under way for. Errors: Spark's own where none is. */
    final CurrentGroup group() {
        if (!group.isOpen()) {
            throw sneaky(StateStoreErrors$.MODULE$.implicitKeyNotFound(name));
        }
        return group;
    }

    private static RuntimeException sneaky(Exception exception) {
        return dev.millrace.spark.scala.Scala.sneaky(exception);
    }

    /** The table of the current key. */
    final T table() {
        return state.table(group().keyGroup());
    }

    /** When an entry that is written now expires. */
    final long expiryMicros() {
        return timeToLiveMillis == 0 ? NEVER : CurrentGroup.micros(group.timeMillis() + timeToLiveMillis);
    }

    final boolean isLive(T table, int entry) {
        long expiryMicros = table.expiryMicros(entry);
        return expiryMicros == NEVER || expiryMicros > CurrentGroup.micros(group.timeMillis());
    }

    /** Counts a value that was written. */
    final void changed() {
        changeCount++;
    }

    /** How many values were written since this was asked last. */
    final long takeChangeCount() {
        long count = changeCount;
        changeCount = 0;
        return count;
    }

    final void requireValue(@Nullable Object value) {
        StateStoreErrors$.MODULE$.requireNonNullStateValue(value, name);
    }

    /** Removes entries whose time has come, up to a bounded number, and returns how many they were. */
    final int removeExpired(int limit) {
        long nowMicros = CurrentGroup.micros(group.timeMillis());
        long before = state.rowCount();
        boolean unused = state.expire(nowMicros, limit, (keyGroup, table, entry) -> {
            table.remove(entry);
            return true;
        });
        return (int) (before - state.rowCount());
    }
}
