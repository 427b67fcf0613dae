package dev.millrace.engine.operator;

import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.engine.metrics.OperatorMetrics;
import dev.millrace.engine.metrics.StateSize;
import dev.millrace.engine.page.Page;
import dev.millrace.engine.page.RowCursor;
import dev.millrace.engine.page.RowView;
import dev.millrace.engine.page.Side;
import dev.millrace.engine.snapshot.FrozenState;
import dev.millrace.engine.snapshot.OperatorId;
import dev.millrace.engine.snapshot.Section;
import dev.millrace.engine.snapshot.StateSchema;
import dev.millrace.engine.state.KeyBytes;
import dev.millrace.engine.state.KeyedState;
import dev.millrace.engine.state.KeyedTable;
import dev.millrace.engine.state.KeyedWalk;
import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Aggregates rows by group and session. A row whose own window the watermark has passed is late, even
 * where it would meet a session that is still there; any other may make one session of several, whose
 * buffers are merged.
 *
 * <p>Sessions are given once the watermark passes their ends, or all of them at each barrier: then none is
 * ever dropped. Nothing is given at a change, as a session that was given may later be part of another.
 *
 * <p>State: per group its sessions, as one object that expires when the first of them ends.
 *
 * <p>Thread: the owning task. Source: Spark's SessionWindowStateStoreRestoreExec, MergingSessionsExec and
 * SessionWindowStateStoreSaveExec.
 */
public final class SessionAggregate implements Operator {
    /** What a watermark looks at in one step: about a millisecond of work. */
    private static final int EXPIRED_PER_STEP = 10_000;

    private static final int OWNER_OF_NO_KEY_GROUP = 0;

    private final Factory factory;
    private final RowView row = new RowView();
    private final RowView group = new RowView();
    private @Nullable Opened opened;
    private OperatorMetrics metrics = new OperatorMetrics();
    private LateRows lateRows = LateRows.NOWHERE;
    private long watermarkMicros = Long.MIN_VALUE;
    private long sessionCount;

    /** What is being given at a barrier, or null, and the session of its group at which that goes on. */
    private @Nullable KeyedWalk walk;

    private int nextSession;

    private SessionAggregate(Factory factory) {
        this.factory = factory;
    }

    /**
     * Makes the operator of each task.
     *
     * @param aggregates makes one task's expressions, on the task's own thread; a key holds the row's own
     *     window, and expires at its end
     * @param windows finds the window in a key, likewise one for each task
     * @param emission {@link Emission#AT_EXPIRY} or {@link Emission#ALL_PER_EPOCH}
     * @param states what the state holds
     */
    public record Factory(
            Supplier<Aggregate> aggregates,
            Supplier<SessionWindows> windows,
            String name,
            Emission emission,
            List<StateSchema> states)
            implements OperatorFactory {
        public Factory {
            states = List.copyOf(states);
            if (emission != Emission.AT_EXPIRY && emission != Emission.ALL_PER_EPOCH) {
                throw new MillraceException(
                        ErrorCode.INVARIANT,
                        "Cannot give sessions as they change: emission=%s. Report this as a bug.".formatted(emission));
            }
        }

        @Override
        public boolean keepsState() {
            return true;
        }

        @Override
        public boolean dropsLateRows() {
            return true;
        }

        @Override
        public Operator create() {
            return new SessionAggregate(this);
        }
    }

    /** What one task works with. */
    private record Opened(
            Aggregate.InObjects aggregate,
            SessionWindows windows,
            GroupSessions.Values values,
            KeyedState<KeyedTable> groups) {
        /** The sessions of a group that is not in memory. */
        GroupSessions sessions(RowView value) {
            return (GroupSessions) values.deserialize(value);
        }

        static GroupSessions sessions(KeyedTable table, int entry) {
            return (GroupSessions) table.object(entry);
        }
    }

    @Override
    public void open(OperatorContext context) {
        metrics = context.metrics();
        lateRows = context.lateRows();
        if (context.time().standsStill() && isExpiring()) {
            watermarkMicros = 0; // where Spark's begins
        }
        Aggregate.InObjects aggregate = BytesAsObjects.of(factory.aggregates().get());
        GroupSessions.Values values = new GroupSessions.Values(aggregate);
        opened = new Opened(
                aggregate,
                factory.windows().get(),
                values,
                KeyedState.ofObjects(context.keyGroupCount(), values, context.stateBudget()));
    }

    private Opened opened() {
        if (opened == null) {
            throw new MillraceException(
                    ErrorCode.INVARIANT, "Cannot use an aggregation: it is not open. Report this as a bug.");
        }
        return opened;
    }

    private boolean isExpiring() {
        return factory.emission() == Emission.AT_EXPIRY;
    }

    @Override
    public boolean process(RowCursor rows, Output output) {
        Opened task = opened();
        long lateCount = 0;
        long takenCount = 0;
        long countBefore = sessionCount;
        long addedCount = 0;
        for (; rows.hasRow(); rows.advance()) {
            rows.row(row);
            RowView key = task.aggregate().key(row);
            long expiryMicros = task.aggregate().expiryMicros(key);
            if (expiryMicros <= watermarkMicros && expiryMicros != Long.MAX_VALUE) {
                lateCount++;
                lateRows.add(Side.LEFT, row, expiryMicros, watermarkMicros);
            } else {
                takenCount++;
                addedCount += take(task, rows.keyGroup(), key) ? 1 : 0;
                if (task.groups().isMemoryAlmostUsed()) {
                    task.groups().reclaim();
                }
            }
        }
        task.groups().reclaim();
        if (lateCount > 0) {
            metrics.addRowsDroppedByWatermark(lateCount);
        }
        metrics.addRowsUpdated(takenCount);
        metrics.addRowsRemoved(countBefore + addedCount - sessionCount);
        publishState(task);
        return true;
    }

    /** Takes the row at hand; true when it began a session. */
    private boolean take(Opened task, int rowKeyGroup, RowView key) {
        SessionWindows windows = task.windows();
        long startMicros = windows.startMicros(key);
        long endMicros = windows.endMicros(key);
        RowView groupKey = windows.group(key);
        group.pointTo(groupKey.bytes(), groupKey.offset(), groupKey.sizeBytes());
        int hash = KeyBytes.hash(group.bytes(), group.offset(), group.sizeBytes());
        KeyedTable table = task.groups().table(rowKeyGroup == Page.NO_KEY_GROUP ? OWNER_OF_NO_KEY_GROUP : rowKeyGroup);
        int entry = table.find(hash, group);
        if (entry == KeyedTable.NONE) {
            entry = table.add(hash, group, isExpiring() ? endMicros : KeyedTable.NEVER);
            table.placeObject(entry, new GroupSessions());
        }
        GroupSessions sessions = (GroupSessions) table.objectToChange(entry);
        int countBefore = sessions.count();
        int index = sessions.include(startMicros, endMicros, task.aggregate());
        task.aggregate().update(sessions.buffer(index), row);
        table.objectChanged(entry);
        if (isExpiring()) {
            table.changeExpiry(entry, sessions.endMicros(0));
        }
        sessionCount += sessions.count() - countBefore;
        return sessions.count() > countBefore;
    }

    @Override
    public boolean watermark(long micros, Output output) {
        watermarkMicros = Math.max(watermarkMicros, micros);
        if (!isExpiring()) {
            return true;
        }
        Opened task = opened();
        long countBefore = sessionCount;
        boolean all = task.groups()
                .expire(
                        watermarkMicros,
                        EXPIRED_PER_STEP,
                        (keyGroup, table, entry) -> giveEnded(task, table, entry, output));
        if (sessionCount < countBefore) {
            metrics.addRowsRemoved(countBefore - sessionCount);
            publishState(task);
        }
        return all;
    }

    /**
     * Gives the sessions of a group that have ended, and removes them. False when the output was full: then
     * the walk comes here again, perhaps behind other groups, for those that are left.
     */
    private boolean giveEnded(Opened task, KeyedTable table, int entry, Output output) {
        GroupSessions sessions = Opened.sessions(table, entry);
        int given = 0;
        while (given < sessions.count() && sessions.endMicros(given) <= watermarkMicros && !output.isFull()) {
            emit(task, table.key(entry, group), sessions, given++, output);
        }
        sessionCount -= given;
        if (given == sessions.count()) {
            return true;
        }
        if (given == 0) {
            return false;
        }
        ((GroupSessions) table.objectToChange(entry)).removeFirst(given);
        table.objectChanged(entry);
        if (sessions.endMicros(0) <= watermarkMicros) {
            return false;
        }
        table.changeExpiry(entry, sessions.endMicros(0));
        return true;
    }

    @Override
    public boolean barrier(long epoch, Output output) {
        return isExpiring() || giveAll(opened(), output);
    }

    /** Goes on where the output was full; nothing changes in between. */
    private boolean giveAll(Opened task, Output output) {
        KeyedWalk going = walk;
        if (going == null) {
            going = KeyedWalk.overAll(task.groups());
            walk = going;
        }
        boolean done = going.run(new KeyedWalk.Visitor() {
            @Override
            public boolean inMemory(KeyedTable table, int entry) {
                return give(task, table.key(entry, group), Opened.sessions(table, entry), output);
            }

            @Override
            public boolean spilled(RowView key, RowView value) {
                return give(task, key, task.sessions(value), output);
            }
        });
        if (done) {
            walk = null;
        }
        return done;
    }

    /** Gives the sessions of a group from the next one on; false when the output was full. */
    private boolean give(Opened task, RowView groupKey, GroupSessions sessions, Output output) {
        while (nextSession < sessions.count()) {
            if (output.isFull()) {
                return false;
            }
            emit(task, groupKey, sessions, nextSession++, output);
        }
        nextSession = 0;
        return true;
    }

    private static void emit(Opened task, RowView groupKey, GroupSessions sessions, int index, Output output) {
        RowView key = task.windows().key(groupKey, sessions.startMicros(index), sessions.endMicros(index));
        RowView result = task.aggregate().result(key, sessions.buffer(index));
        output.emit(result.bytes(), result.offset(), result.sizeBytes());
    }

    /** One entry per group, and one of the task: the watermark, lest late rows begin sessions anew. */
    @Override
    public FrozenState freeze(OperatorId id) {
        return FrozenState.all(List.of(
                FrozenState.of(WatermarkState.section(id, watermarkMicros)),
                opened().groups().freeze(id, 0)));
    }

    /** As in an aggregation, of all tasks the greatest watermark holds. */
    @Override
    public void restore(Section section) throws Exception {
        if (section.key().isOfTask()) {
            section.read(entry -> watermarkMicros = Math.max(watermarkMicros, WatermarkState.micros(entry.value())));
        } else {
            opened().groups().restore(section);
        }
    }

    @Override
    public void restored() {
        Opened task = opened();
        sessionCount = 0;
        try (KeyedWalk groups = KeyedWalk.overAll(task.groups())) {
            boolean unused = groups.run(new KeyedWalk.Visitor() {
                @Override
                public boolean inMemory(KeyedTable table, int entry) {
                    return count(Opened.sessions(table, entry));
                }

                @Override
                public boolean spilled(RowView key, RowView value) {
                    return count(task.sessions(value));
                }
            });
        }
        publishState(task);
    }

    private boolean count(GroupSessions sessions) {
        sessionCount += sessions.count();
        return true;
    }

    /** Rows are sessions, but for those that are not in memory, which are counted by group. */
    private void publishState(Opened task) {
        StateSize size = task.groups().size();
        metrics.state(new StateSize(sessionCount, size.memoryBytes(), size.spilledRows(), size.spilledBytes()));
    }

    @Override
    public void close() {
        if (walk != null) {
            walk.close();
            walk = null;
        }
        if (opened != null) {
            opened.groups().close();
            opened = null;
        }
    }
}
