package dev.millrace.spark.function;

import static dev.millrace.engine.state.EntryTable.NEVER;
import static dev.millrace.engine.state.EntryTable.NONE;

import dev.millrace.engine.metrics.StateSize;
import dev.millrace.engine.operator.OperatorContext;
import dev.millrace.engine.page.RowView;
import dev.millrace.engine.snapshot.FrozenState;
import dev.millrace.engine.snapshot.OperatorId;
import dev.millrace.engine.snapshot.Section;
import dev.millrace.engine.state.GroupedTable;
import dev.millrace.engine.state.KeyedState;
import java.nio.ByteBuffer;
import java.util.PrimitiveIterator;
import java.util.stream.LongStream;

/**
 * The timers of one task's processor: of each key the times that it asked for, each once.
 *
 * <p>Layout of an entry: the time in milliseconds as sub-key, the most significant byte first; no
 * value; the moment when it is due as expiry time.
 *
 * <p>Thread: the owning task. Source: Spark's TimerStateImpl.
 */
final class Timers implements AutoCloseable {
    private static final RowView NO_VALUE = new RowView();

    private final CurrentGroup group;
    private final KeyedState<GroupedTable> state;
    private final GatheredKeys gathered = new GatheredKeys();
    private final ByteBuffer time = ByteBuffer.allocate(Long.BYTES);
    private final RowView timeView = new RowView().pointTo(time.array(), 0, Long.BYTES);
    private final RowView view = new RowView();

    /** What is asked for while a timer fires is due after this moment, so that firing comes to an end. */
    private long firingMicros = Long.MIN_VALUE;

    Timers(OperatorContext context, CurrentGroup group) {
        this.group = group;
        this.state = KeyedState.ofGroups(context.keyGroupCount(), context.stateBudget());
    }

    private GroupedTable table() {
        return state.table(group.keyGroup());
    }

    private int find(long millis) {
        time.putLong(0, millis);
        return table().find(group.hash(), group.key(), timeView);
    }

    /** Asks for a time on behalf of the current key; nothing new where it was asked for before. */
    void register(long millis) {
        if (find(millis) == NONE) {
            long dueMicros = Math.max(CurrentGroup.micros(millis), firingMicros == NEVER ? NEVER : firingMicros + 1);
            int entry = table().add(group.hash(), group.key(), timeView, NO_VALUE, dueMicros);
            assert entry != NONE;
        }
    }

    void delete(long millis) {
        int entry = find(millis);
        if (entry != NONE) {
            table().remove(entry);
        }
    }

    /** The times that the current key waits for, the earliest first. */
    PrimitiveIterator.OfLong list() {
        GroupedTable table = table();
        LongStream.Builder times = LongStream.builder();
        for (int entry = table.first(group.hash(), group.key()); entry != NONE; entry = table.next(entry)) {
            times.add(millis(table, entry));
        }
        return times.build().sorted().iterator();
    }

    private long millis(GroupedTable table, int entry) {
        RowView subKey = table.subKey(entry, view);
        return ByteBuffer.wrap(subKey.bytes(), subKey.offset(), Long.BYTES).getLong();
    }

    long dueMicros() {
        return state.earliestExpiryMicros();
    }

    /** Gathers timers that are due at a moment, up to a bounded number; false when none is. */
    boolean gather(long nowMicros) {
        boolean unused = state.expire(nowMicros, GatheredKeys.LIMIT, (keyGroup, table, entry) -> {
            long millis = millis(table, entry);
            gathered.add(keyGroup, table.key(entry, view), millis);
            // It is still asked for until its call is through.
            return table.changeExpiry(entry, NEVER) != NONE;
        });
        return gathered.hasNext();
    }

    /** Goes to the key of the next gathered timer that is still asked for; false when there is none. */
    boolean startFiring(long nowMicros) {
        while (gathered.hasNext()) {
            gathered.next();
            group.goTo(gathered.keyGroup(), gathered.key());
            if (find(gathered.time()) != NONE) {
                firingMicros = nowMicros;
                return true;
            }
        }
        group.leave();
        return false;
    }

    /** The time of the timer that fires. */
    long firingMillis() {
        return gathered.time();
    }

    /** The call for the timer is through. */
    void endFiring() {
        firingMicros = Long.MIN_VALUE;
        delete(gathered.time());
    }

    void reclaim() {
        state.reclaim();
    }

    StateSize size() {
        return state.size();
    }

    FrozenState freeze(OperatorId id, int stateIndex) {
        return state.freeze(id, stateIndex);
    }

    void restore(Section section) throws Exception {
        state.restore(section);
    }

    @Override
    public void close() {
        state.close();
    }
}
