package dev.millrace.engine.operator;

import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.engine.metrics.OperatorMetrics;
import dev.millrace.engine.page.Page;
import dev.millrace.engine.page.RowCursor;
import dev.millrace.engine.page.RowView;
import dev.millrace.engine.page.Side;
import dev.millrace.engine.snapshot.FrozenState;
import dev.millrace.engine.snapshot.OperatorId;
import dev.millrace.engine.snapshot.Section;
import dev.millrace.engine.snapshot.SectionKey;
import dev.millrace.engine.state.GroupedTable;
import dev.millrace.engine.state.KeyBytes;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Joins two streams by key. Each row is matched, as it comes, with the rows of the other side that are
 * there, and then kept for those to come, until the watermark says that none can match it any more;
 * where the join's type asks for it, a row without a match is given then, with nulls beside it.
 *
 * <p>A row may match any number of others: where the output is full in their midst, it goes on from
 * there. Rows that are late by their own side's event time are dropped and counted. A key that is null
 * in part matches none.
 *
 * <p>Thread: the owning task. Source: Spark's StreamingSymmetricHashJoinExec.
 */
public final class StreamJoin implements Operator {
    private static final int OWNER_OF_NO_KEY_GROUP = 0;

    /** Rows of the other side that are looked at in one step: about a millisecond of work. */
    private static final int CANDIDATES_PER_STEP = 10_000;

    /** What is left to do for the row at hand. */
    private enum Step {
        BEGIN,
        MATCH,
        GIVE_UNMATCHED,
        DONE
    }

    private final Join.Factory joins;
    private final JoinType type;
    private final long outputDelayMicros;
    private final RowView row = new RowView();
    private final RowView kept = new RowView();

    private @Nullable Opened opened;
    private OperatorMetrics metrics = new OperatorMetrics();
    private LateRows lateRows = LateRows.NOWHERE;
    private long watermarkMicros = Long.MIN_VALUE;
    private Step step = Step.BEGIN;

    /** Of the row at hand: its key, the row of the other side that it meets next, and whether one matched. */
    private int keyGroup;

    private int hash;
    private int candidate;
    private boolean matched;
    private int candidatesLeft;

    /** Whether epochs are bounded: then rows leave the state only where one ends. */
    private boolean endsEpochs;

    /** The watermark that the bounded epoch's end brings. */
    private long endWatermarkMicros = Long.MIN_VALUE;

    /** In a left semi join the rows of a bounded epoch wait for its end: those of the right go first. */
    private @Nullable Held held;

    private int nextHeld;
    private long lateCount;
    private long keptCount;
    private long removedCount;

    /** @param joins called once, on the owning thread */
    public StreamJoin(Join.Factory joins, JoinType type, long outputDelayMicros) {
        this.joins = joins;
        this.type = type;
        this.outputDelayMicros = outputDelayMicros;
    }

    private record Held(HeldRows left, HeldRows right) {
        HeldRows of(Side side) {
            return side == Side.LEFT ? left : right;
        }

        void clear() {
            left.clear();
            right.clear();
        }
    }

    /** What one task works with. */
    private record Opened(Join join, KeptRows left, KeptRows right) {
        KeptRows of(Side side) {
            return side == Side.LEFT ? left : right;
        }
    }

    @Override
    public void open(OperatorContext context) {
        metrics = context.metrics();
        lateRows = context.lateRows();
        if (context.time().standsStill()) {
            endsEpochs = true;
            watermarkMicros = 0; // where Spark's begins
            if (type == JoinType.LEFT_SEMI) {
                held = new Held(new HeldRows(context.stateBudget()), new HeldRows(context.stateBudget()));
            }
        }
        opened = new Opened(
                joins.create(context.taskIndex()),
                new KeptRows(Side.LEFT, type.keepsUnmatched(Side.LEFT), context),
                new KeptRows(Side.RIGHT, type.keepsUnmatched(Side.RIGHT), context));
    }

    private Opened opened() {
        if (opened == null) {
            throw new MillraceException(
                    ErrorCode.INVARIANT, "Cannot use a join: it is not open. Report this as a bug.");
        }
        return opened;
    }

    @Override
    public boolean process(RowCursor rows, Output output) {
        Opened task = opened();
        if (held != null) {
            hold(task.join(), held, rows);
            publish(task);
            return true;
        }
        candidatesLeft = CANDIDATES_PER_STEP;
        boolean done = (endsEpochs || removeExpired(task, output)) && takeAll(task, rows, output);
        if (done) {
            task.left().reclaim();
            task.right().reclaim();
        }
        publish(task);
        return done;
    }

    private boolean takeAll(Opened task, RowCursor rows, Output output) {
        for (; rows.hasRow(); rows.advance()) {
            rows.row(row);
            if (!take(task, rows.side(), rows.keyGroup(), output)) {
                return false;
            }
            task.left().relieve();
            task.right().relieve();
        }
        return true;
    }

    private void hold(Join join, Held rowsOfEpoch, RowCursor rows) {
        for (; rows.hasRow(); rows.advance()) {
            rows.row(row);
            if (!dropsLate(join, rows.side())) {
                int unused = rowsOfEpoch.of(rows.side()).add(row, rows.keyGroup());
            }
        }
    }

    /** Takes the rows that waited for the epoch's end; false when the output was full, or enough was done. */
    private boolean takeHeld(Opened task, Held rowsOfEpoch, Output output) {
        candidatesLeft = CANDIDATES_PER_STEP;
        int rightCount = rowsOfEpoch.right().count();
        for (; nextHeld < rightCount + rowsOfEpoch.left().count(); nextHeld++) {
            Side side = nextHeld < rightCount ? Side.RIGHT : Side.LEFT;
            HeldRows rows = rowsOfEpoch.of(side);
            int index = side == Side.RIGHT ? nextHeld : nextHeld - rightCount;
            rows.row(index, row);
            if (!take(task, side, rows.keyGroup(index), output)) {
                return false;
            }
            task.left().relieve();
            task.right().relieve();
        }
        nextHeld = 0;
        rowsOfEpoch.clear();
        task.left().reclaim();
        task.right().reclaim();
        return true;
    }

    /** Whether the row at hand is late, and so dropped. */
    private boolean dropsLate(Join join, Side side) {
        long eventTime = join.eventTimeMicros(side, row);
        if (eventTime == EventTimeExtractor.NO_EVENT_TIME || eventTime > watermarkMicros) {
            return false;
        }
        lateCount++;
        lateRows.add(side, row, eventTime, watermarkMicros);
        return true;
    }

    /** Takes the row at hand; false when the output was full, or enough was done for one step. */
    private boolean take(Opened task, Side side, int rowKeyGroup, Output output) {
        if (step == Step.BEGIN) {
            keyGroup = rowKeyGroup == Page.NO_KEY_GROUP ? OWNER_OF_NO_KEY_GROUP : rowKeyGroup;
            step = begin(task, side);
        }
        if (step == Step.MATCH) {
            if (!match(task, side, output)) {
                return false;
            }
            step = keep(task, side);
        }
        if (step == Step.GIVE_UNMATCHED) {
            if (output.isFull()) {
                return false;
            }
            emit(task.join().unmatched(side, row), output);
        }
        step = Step.BEGIN;
        return true;
    }

    private Step begin(Opened task, Side side) {
        Join join = task.join();
        if (dropsLate(join, side)) {
            return Step.DONE;
        }
        if (!join.mayMatch(side, row)) {
            return type.keepsUnmatched(side) ? Step.GIVE_UNMATCHED : Step.DONE;
        }
        RowView key = join.key(side, row);
        hash = KeyBytes.hash(key.bytes(), key.offset(), key.sizeBytes());
        matched = false;
        if (!endsEpochs && join.isNullKey(key)) {
            candidate = GroupedTable.NONE;
            return type.keepsUnmatched(side) ? Step.MATCH : Step.DONE;
        }
        candidate = task.of(side.other()).first(keyGroup, hash, key);
        return Step.MATCH;
    }

    /** Gives what the row at hand matches; false when the output was full, or enough was done for one step. */
    private boolean match(Opened task, Side side, Output output) {
        KeptRows others = task.of(side.other());
        while (candidate != GroupedTable.NONE) {
            // Asked before the condition, which may be a random one and must be asked once for each pair.
            if (candidatesLeft == 0 || output.isFull()) {
                return false;
            }
            candidatesLeft--;
            int at = candidate;
            RowView other = others.row(keyGroup, at, kept);
            boolean isMatch = side == Side.LEFT
                    ? task.join().matches(row, other)
                    : task.join().matches(other, row);
            if (isMatch && type == JoinType.LEFT_SEMI && side == Side.LEFT) {
                matched = true;
                emit(row, output);
                return true;
            }
            candidate = others.next(keyGroup, at);
            if (isMatch) {
                matched = true;
                giveMatch(task, side, at, other, output);
            }
        }
        return true;
    }

    private void giveMatch(Opened task, Side side, int entry, RowView other, Output output) {
        KeptRows others = task.of(side.other());
        if (type == JoinType.LEFT_SEMI) {
            emit(other, output);
            others.remove(keyGroup, entry);
            removedCount++;
            return;
        }
        emit(side == Side.LEFT ? task.join().joined(row, other) : task.join().joined(other, row), output);
        others.markMatched(keyGroup, entry);
    }

    /** Keeps the row at hand for those to come, where one that comes may match it. */
    private Step keep(Opened task, Side side) {
        if (type == JoinType.LEFT_SEMI && side == Side.LEFT && matched) {
            return Step.DONE;
        }
        RowView key = task.join().key(side, row);
        long expiryMicros = task.join().expiryMicros(side, row, key);
        if (endsEpochs) {
            // All rows of the epoch meet, whenever they leave; but to a left semi join's left rows, which come last,
            // those of the right that are about to leave are gone already.
            if (held != null && side == Side.RIGHT && isOver(expiryMicros, endWatermarkMicros)) {
                return Step.DONE;
            }
        } else if (isOver(expiryMicros, watermarkMicros)) {
            return type.keepsUnmatched(side) && !matched ? Step.GIVE_UNMATCHED : Step.DONE;
        }
        task.of(side).add(keyGroup, hash, key, row, matched, expiryMicros);
        keptCount++;
        return Step.DONE;
    }

    private static boolean isOver(long expiryMicros, long watermarkMicros) {
        return expiryMicros <= watermarkMicros && expiryMicros != GroupedTable.NEVER;
    }

    @Override
    public boolean watermark(long micros, Output output) {
        if (endsEpochs) {
            endWatermarkMicros = Math.max(watermarkMicros, micros); // counts with the barrier
            return true;
        }
        return pass(micros, output);
    }

    private boolean pass(long micros, Output output) {
        watermarkMicros = Math.max(watermarkMicros, micros);
        boolean done = removeExpired(opened(), output);
        publish(opened());
        return done;
    }

    /** What a restored state still holds of rows whose time has come is in the epoch that goes on from it. */
    @Override
    public boolean barrier(long epoch, Output output) {
        Held rowsOfEpoch = held;
        if (rowsOfEpoch != null && !takeHeld(opened(), rowsOfEpoch, output)) {
            return false;
        }
        return pass(Math.max(watermarkMicros, endWatermarkMicros), output);
    }

    /** Lets go of the rows whose time has come, of both sides; false when the output was full. */
    private boolean removeExpired(Opened task, Output output) {
        return removeExpired(task, Side.LEFT, output) && removeExpired(task, Side.RIGHT, output);
    }

    private boolean removeExpired(Opened task, Side side, Output output) {
        KeptRows rows = task.of(side);
        if (watermarkMicros < rows.earliestExpiryMicros()) {
            return true;
        }
        long before = rows.rowCount();
        boolean done = rows.removeExpired(watermarkMicros, unmatched -> {
            if (output.isFull()) {
                return false;
            }
            emit(task.join().unmatched(side, unmatched), output);
            return true;
        });
        removedCount += before - rows.rowCount();
        return done;
    }

    private static void emit(RowView result, Output output) {
        output.emit(result.bytes(), result.offset(), result.sizeBytes());
    }

    @Override
    public long outputWatermark(long inputWatermark) {
        boolean isKnown = inputWatermark >= Long.MIN_VALUE + outputDelayMicros && inputWatermark != Long.MAX_VALUE;
        return isKnown ? inputWatermark - outputDelayMicros : inputWatermark;
    }

    /** The rows of both sides, and one entry of the task: the watermark, lest rows that were late come again. */
    @Override
    public FrozenState freeze(OperatorId id) {
        Opened task = opened();
        return FrozenState.all(List.of(
                FrozenState.of(WatermarkState.section(id, watermarkMicros)),
                task.left().freeze(id),
                task.right().freeze(id)));
    }

    /** Of all tasks the greatest watermark holds; they differ only while an input falls idle. */
    @Override
    public void restore(Section section) throws Exception {
        if (section.key().isOfTask()) {
            section.read(entry -> watermarkMicros = Math.max(watermarkMicros, WatermarkState.micros(entry.value())));
        } else {
            opened().of(side(section.key())).restore(section);
        }
    }

    private static Side side(SectionKey key) {
        Side[] sides = Side.values();
        if (key.stateIndex() >= sides.length) {
            throw new MillraceException(
                    ErrorCode.STATE_CORRUPT,
                    "Cannot restore a join: stateIndex=%d, states=%d. Restart from an earlier epoch or a new checkpoint."
                            .formatted(key.stateIndex(), sides.length));
        }
        return sides[key.stateIndex()];
    }

    @Override
    public void restored() {
        publish(opened());
    }

    private void publish(Opened task) {
        if (lateCount > 0) {
            metrics.addRowsDroppedByWatermark(lateCount);
            lateCount = 0;
        }
        if (keptCount > 0) {
            metrics.addRowsUpdated(keptCount);
            keptCount = 0;
        }
        if (removedCount > 0) {
            metrics.addRowsRemoved(removedCount);
            removedCount = 0;
        }
        metrics.state(task.left().size().plus(task.right().size()));
    }

    @Override
    public void close() {
        Opened task = opened;
        if (task != null) {
            if (held != null) {
                held.clear();
            }
            task.left().close();
            task.right().close();
            opened = null;
        }
    }
}
