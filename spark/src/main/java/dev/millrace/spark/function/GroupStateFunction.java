package dev.millrace.spark.function;

import static dev.millrace.engine.state.EntryTable.NEVER;
import static dev.millrace.engine.state.EntryTable.NONE;

import dev.millrace.engine.operator.EventTimeExtractor;
import dev.millrace.engine.operator.GroupFunction;
import dev.millrace.engine.operator.GroupRows;
import dev.millrace.engine.operator.OperatorContext;
import dev.millrace.engine.page.RowView;
import dev.millrace.engine.snapshot.FrozenState;
import dev.millrace.engine.snapshot.OperatorId;
import dev.millrace.engine.snapshot.Section;
import dev.millrace.engine.state.KeyedState;
import dev.millrace.engine.state.KeyedTable;
import org.apache.spark.sql.catalyst.plans.logical.EventTimeTimeout$;
import org.apache.spark.sql.catalyst.plans.logical.ProcessingTimeTimeout$;
import org.apache.spark.sql.execution.streaming.operators.stateful.flatmapgroupswithstate.GroupStateImpl;
import org.apache.spark.sql.execution.streaming.operators.stateful.flatmapgroupswithstate.GroupStateImpl$;
import org.jspecify.annotations.Nullable;
import scala.Option;

/**
 * Runs the function of {@code mapGroupsWithState} and {@code flatMapGroupsWithState}. Each key has one
 * entry, which expires when its time-out is due.
 *
 * <p>Thread: the owning task. Source: Spark's FlatMapGroupsWithStateExec, whose order of things this
 * keeps: a key's state counts once all results of a call were taken, a call that sets no time-out
 * leaves none, and a key that timed out is called without values.
 */
final class GroupStateFunction implements GroupFunction {
    private final GroupStateSpecification specification;
    private final OperatorContext context;
    private final CurrentGroup group = new CurrentGroup();
    private final GroupCode code;
    private final StateBytes stateBytes;
    private final RowTimes rowTimes;
    private final @Nullable InitialGroups initial;
    private final KeyedState<KeyedTable> states;
    private final GatheredKeys due = new GatheredKeys();
    private final RowView view = new RowView();

    // The call under way.
    private @Nullable GroupStateImpl<Object> state;
    private int entry = NONE;

    /**
     * @param eventTimes reads what tells late rows, or null where none are dropped
     * @param initialRows what the state begins with, or null
     */
    GroupStateFunction(
            GroupStateSpecification specification,
            OperatorContext context,
            @Nullable EventTimeExtractor eventTimes,
            @Nullable InitialRows initialRows) {
        this.specification = specification;
        this.context = context;
        this.rowTimes = new RowTimes(eventTimes);
        this.code = new GroupCode(specification.name(), specification.typed(), group);
        this.stateBytes = new StateBytes(specification.state());
        this.states = KeyedState.ofValues(context.keyGroupCount(), context.stateBudget());
        InitialColumns columns = specification.initialColumns();
        this.initial = columns == null || initialRows == null ? null : new InitialGroups(columns, initialRows);
    }

    @Override
    public TimeDomain timeDomain() {
        if (specification.timeout() == EventTimeTimeout$.MODULE$) {
            return TimeDomain.EVENT_TIME;
        }
        return specification.timeout() == ProcessingTimeTimeout$.MODULE$ ? TimeDomain.PROCESSING_TIME : TimeDomain.NONE;
    }

    @Override
    public RowView key(RowView row) {
        return code.keyOf(row);
    }

    @Override
    public boolean isLate(RowView row, long watermarkMicros) {
        return rowTimes.isLate(row, watermarkMicros);
    }

    @Override
    public long eventTimeMicros(RowView row) {
        return rowTimes.eventTimeMicros(row);
    }

    @Override
    public void present(long watermarkMicros, long timeMillis) {
        group.present(watermarkMicros, timeMillis);
    }

    @Override
    public void call(int keyGroup, RowView key, GroupRows rows) {
        if (initial != null) {
            initial.called(key);
        }
        begin(keyGroup, key, rows, false);
    }

    private void begin(int keyGroup, RowView key, GroupRows rows, boolean hasTimedOut) {
        states.reclaim();
        Object before = goTo(keyGroup, key);
        GroupStateImpl<Object> given = GroupStateImpl$.MODULE$.createForStreaming(
                Option.apply(before),
                group.timeMillis(),
                group.watermarkMillis(),
                specification.timeout(),
                hasTimedOut,
                specification.hasWatermark());
        state = given;
        code.begin(rows, (keyObject, values) -> specification.function().apply(keyObject, values, given));
    }

    /** Goes to a key, and returns its state or null. */
    private @Nullable Object goTo(int keyGroup, RowView key) {
        group.goTo(keyGroup, key);
        KeyedTable table = states.table(keyGroup);
        entry = table.find(group.hash(), group.key());
        return entry == NONE ? null : stateBytes.object(table.value(entry, view));
    }

    @Override
    public long dueMicros() {
        return states.earliestExpiryMicros();
    }

    @Override
    public boolean gatherDue(long nowMicros) {
        boolean unused = states.expire(nowMicros, GatheredKeys.LIMIT, (keyGroup, table, found) -> {
            due.add(keyGroup, table.key(found, view), nowMicros);
            // The time-out is over, the state is not.
            int kept = table.changeExpiry(found, NEVER);
            return kept != NONE;
        });
        return due.hasNext();
    }

    @Override
    public boolean callDue() {
        if (!due.hasNext()) {
            return false;
        }
        due.next();
        begin(due.keyGroup(), due.key(), GroupCode.NO_ROWS, true);
        return true;
    }

    @Override
    public @Nullable RowView next() {
        RowView row = code.next();
        GroupStateImpl<Object> ended = state;
        if (row == null && ended != null) {
            state = null;
            update(ended);
            group.leave();
        }
        return row;
    }

    private void update(GroupStateImpl<Object> ended) {
        long timeout = (Long) (Object) ended.getTimeoutTimestampMs().orElse(GroupStateSpecification.NO_TIME_OUT);
        long expiryMicros = GroupStateSpecification.expiryMicros(timeout);
        KeyedTable table = states.table(group.keyGroup());
        long before = entry == NONE ? NEVER : table.expiryMicros(entry);
        if (!ended.exists() && expiryMicros == NEVER) {
            if (entry != NONE) {
                table.remove(entry);
                context.metrics().addRowsRemoved(1);
            }
        } else if (ended.isUpdated() || ended.isRemoved() || expiryMicros != before) {
            put(ended.exists() ? ended.get() : null, expiryMicros);
            context.metrics().addRowsUpdated(1);
        }
        context.metrics().state(states.size());
    }

    private void put(@Nullable Object object, long expiryMicros) {
        KeyedTable table = states.table(group.keyGroup());
        RowView bytes = stateBytes.bytes(object);
        entry = entry == NONE
                ? table.add(group.hash(), group.key(), bytes, expiryMicros)
                : table.changeExpiry(table.replace(entry, bytes), expiryMicros);
    }

    @Override
    public void takeInitialState() {
        if (initial != null) {
            initial.read(context, this::putInitial);
        }
    }

    @Override
    public boolean callInitial() {
        InitialGroups groups = initial;
        if (groups == null) {
            return false;
        }
        InitialGroups.Key key = groups.nextCall();
        if (key != null) {
            begin(key.keyGroup(), key.bytes(), GroupCode.NO_ROWS, false);
        }
        return key != null;
    }

    private void putInitial(int keyGroup, RowView key, Object object) {
        states.reclaim();
        if (goTo(keyGroup, key) != null) {
            // Spark's own words, which its users may look for.
            throw code.failure(
                    new IllegalArgumentException("The initial state provided contained multiple rows(state) with "
                            + "the same key. Make sure to de-duplicate the initial state before passing it."));
        }
        put(object, NEVER);
        GroupStateSpecification.Initial from = specification.initial();
        if (from != null && from.callsForKeys() && initial != null) {
            initial.callLater(keyGroup, key);
        }
    }

    @Override
    public FrozenState freeze(OperatorId id) {
        return states.freeze(id, 0);
    }

    @Override
    public void restore(Section section) throws Exception {
        states.restore(section);
    }

    @Override
    public void restored() {
        context.metrics().state(states.size());
    }

    @Override
    public void close() {
        states.close();
    }
}
