package dev.millrace.engine.operator;

import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.engine.metrics.OperatorMetrics;
import dev.millrace.engine.page.RowCursor;
import dev.millrace.engine.page.RowView;
import dev.millrace.engine.snapshot.FrozenState;
import dev.millrace.engine.snapshot.OperatorId;
import dev.millrace.engine.snapshot.Section;
import dev.millrace.engine.state.KeyBytes;
import dev.millrace.engine.state.KeyedTable;
import dev.millrace.engine.state.KeyedWalk;
import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Aggregates rows by key, and gives results when the {@link Emission} says. A key that the watermark
 * has passed is dropped, and its rows are late from then on; where changes wait for the barrier it is
 * dropped there, behind them. Without grouping keys there is one key, which exists from its first row.
 *
 * <p>Thread: the owning task. Source: Spark's StateStoreSaveExec.
 */
public final class KeyedAggregate implements Operator {
    /** What a watermark removes in one step: about a millisecond of work. */
    private static final int REMOVED_PER_STEP = 10_000;

    private static final int OWNER_OF_NO_KEYS = 0;
    private static final int KEY_GROUP_OF_NO_KEYS = 0;
    private static final byte[] NO_KEYS = new byte[0];

    private final Supplier<Aggregate> aggregates;
    private final Emission emission;
    private final KeyedRowBatch batch = new KeyedRowBatch();
    private final RowView key = new RowView();
    private final ChangedEntries changed = new ChangedEntries();

    private @Nullable KeyedBuffers buffers;
    private OperatorMetrics metrics = new OperatorMetrics();
    private LateRows lateRows = LateRows.NOWHERE;
    private long watermarkMicros = Long.MIN_VALUE;
    private int emittedCount;

    /** Whether rows wait until all that has changed is given. */
    private boolean isEmitting;

    /** Whether what changed in this epoch is told by the state alone, for its entries may have moved. */
    private boolean changedIsInState;

    /** What is being given at a barrier, or null. */
    private @Nullable KeyedWalk walk;

    private long lateCount;

    /** Whether each epoch brings the one row of an aggregation without keys, as each micro-batch does. */
    private boolean hasRowInEachEpoch;

    /** @param aggregates called once, on the owning thread */
    public KeyedAggregate(Supplier<Aggregate> aggregates, Emission emission) {
        this.aggregates = aggregates;
        this.emission = emission;
    }

    @Override
    public void open(OperatorContext context) {
        metrics = context.metrics();
        lateRows = context.lateRows();
        KeyedBuffers opened = KeyedBuffers.open(aggregates.get(), context);
        buffers = opened;
        if (context.time().standsStill()) {
            hasRowInEachEpoch = !opened.aggregate().hasKeys() && context.taskIndex() == OWNER_OF_NO_KEYS;
            watermarkMicros = emission == Emission.ALL_PER_EPOCH ? watermarkMicros : 0; // where Spark's begins
        }
    }

    private KeyedBuffers opened() {
        if (buffers == null) {
            throw new MillraceException(
                    ErrorCode.INVARIANT, "Cannot use an aggregation: it is not open. Report this as a bug.");
        }
        return buffers;
    }

    @Override
    public boolean process(RowCursor rows, Output output) {
        KeyedBuffers buffers = opened();
        boolean done =
                switch (emission) {
                    case EVERY_CHANGE -> takeAndEmitRowByRow(buffers, rows, output) && forgetChanged();
                    case PER_PAGE -> takeAndEmitByPage(buffers, rows, output);
                    case PER_EPOCH -> takeAll(buffers, rows);
                    case ALL_PER_EPOCH, AT_EXPIRY -> takeAll(buffers, rows) && forgetChanged();
                };
        if (lateCount > 0) {
            metrics.addRowsDroppedByWatermark(lateCount);
            lateCount = 0;
        }
        if (done) {
            makeRoom(buffers);
        }
        publishState(buffers);
        return done;
    }

    /** Lets state go out of memory where that is short; then no entry may be held for the barrier any more. */
    private void makeRoom(KeyedBuffers buffers) {
        if (changed.count() > 0) {
            changedIsInState |= buffers.state().isMemoryShort();
            if (!changedIsInState) {
                return;
            }
            changed.clear();
        }
        buffers.state().reclaim();
    }

    private boolean takeAll(KeyedBuffers buffers, RowCursor rows) {
        while (takeSome(buffers, rows)) {
            if (emission != Emission.PER_EPOCH) {
                forgetChanged();
            }
            makeRoom(buffers);
        }
        return true;
    }

    /** Takes the rows, or some of them where memory comes to its end; then true. */
    private boolean takeSome(KeyedBuffers buffers, RowCursor rows) {
        while (fillBatch(buffers, rows)) {
            while (batch.hasRow()) {
                take(buffers);
                batch.advance();
            }
            if (buffers.state().isMemoryAlmostUsed()) {
                return rows.hasRow();
            }
        }
        return false;
    }

    /** Where memory comes to its end within the page, what has changed until then is given first. */
    private boolean takeAndEmitByPage(KeyedBuffers buffers, RowCursor rows, Output output) {
        do {
            if (!isEmitting) {
                boolean unused = takeSome(buffers, rows);
                isEmitting = true;
            }
            if (!emitChanged(buffers, output)) {
                return false;
            }
            isEmitting = false;
            if (rows.hasRow()) {
                makeRoom(buffers);
            }
        } while (rows.hasRow());
        return true;
    }

    private boolean takeAndEmitRowByRow(KeyedBuffers buffers, RowCursor rows, Output output) {
        while (batch.hasRow() || fillBatch(buffers, rows)) {
            if (buffers.state().isMemoryAlmostUsed()) {
                forgetChanged();
                makeRoom(buffers);
            }
            while (batch.hasRow()) {
                if (output.isFull()) {
                    return false;
                }
                int entry = take(buffers);
                emit(buffers, buffers.state().table(batch.keyGroup()), entry, output);
                batch.advance();
            }
        }
        return true;
    }

    /** False when the cursor had no rows left; a batch may be empty where all of them were late. */
    private boolean fillBatch(KeyedBuffers buffers, RowCursor rows) {
        if (!rows.hasRow()) {
            return false;
        }
        lateCount += batch.fill(rows, buffers.aggregate(), watermarkMicros, lateRows);
        batch.touchEntries(buffers.state());
        return true;
    }

    /** Takes the batch's current row, and returns the entry that it changed. */
    private int take(KeyedBuffers buffers) {
        int keyGroup = batch.keyGroup();
        RowView rowKey = batch.key();
        KeyedTable table = buffers.state().table(keyGroup);
        int entry = table.find(batch.hash(), rowKey.bytes(), rowKey.offset(), rowKey.sizeBytes());
        if (entry == KeyedTable.NONE) {
            entry = buffers.add(table, batch.hash(), rowKey, batch.expiryMicros());
        }
        buffers.update(table, entry, batch.row());
        changed.add(keyGroup, table, entry);
        return entry;
    }

    private boolean emitChanged(KeyedBuffers buffers, Output output) {
        int count = changed.count();
        while (emittedCount < count) {
            if (output.isFull()) {
                return false;
            }
            KeyedTable table = buffers.state().table(changed.keyGroup(emittedCount));
            emit(buffers, table, changed.entry(emittedCount), output);
            emittedCount++;
        }
        return forgetChanged();
    }

    private boolean forgetChanged() {
        metrics.addRowsUpdated(changed.count());
        changed.clear();
        emittedCount = 0;
        return true;
    }

    private void emit(KeyedBuffers buffers, KeyedTable table, int entry, Output output) {
        emit(buffers.result(table, entry, table.key(entry, key)), output);
    }

    private static void emit(RowView result, Output output) {
        output.emit(result.bytes(), result.offset(), result.sizeBytes());
    }

    @Override
    public boolean watermark(long micros, Output output) {
        if (emission == Emission.ALL_PER_EPOCH) {
            return true;
        }
        KeyedBuffers buffers = opened();
        watermarkMicros = Math.max(watermarkMicros, micros);
        return switch (emission) {
            case EVERY_CHANGE, PER_PAGE -> removeExpired(buffers);
            case AT_EXPIRY -> emitExpired(buffers, output);
            case PER_EPOCH, ALL_PER_EPOCH -> true;
        };
    }

    @Override
    public boolean barrier(long epoch, Output output) {
        KeyedBuffers buffers = opened();
        if (hasRowInEachEpoch && walk == null && emittedCount == 0) {
            change(buffers, KEY_GROUP_OF_NO_KEYS, key.pointTo(NO_KEYS, 0, 0));
        }
        return switch (emission) {
            case EVERY_CHANGE, PER_PAGE, AT_EXPIRY -> true;
            case PER_EPOCH -> emitChangedOfEpoch(buffers, output) && removeExpired(buffers);
            case ALL_PER_EPOCH -> emitFromState(buffers, false, output);
        };
    }

    /** Makes sure that there is an entry, and that it counts as changed in this epoch; however often. */
    private void change(KeyedBuffers buffers, int keyGroup, RowView of) {
        KeyedTable table = buffers.state().table(keyGroup);
        int hash = KeyBytes.hash(of.bytes(), of.offset(), of.sizeBytes());
        int entry = table.find(hash, of);
        if (entry == KeyedTable.NONE) {
            entry = buffers.add(table, hash, of, Long.MAX_VALUE);
        }
        if (changedIsInState) {
            byte[] unused = table.bytesToChange(entry);
        } else if (emission == Emission.PER_EPOCH) {
            changed.add(keyGroup, table, entry);
        }
    }

    private boolean emitChangedOfEpoch(KeyedBuffers buffers, Output output) {
        if (!changedIsInState) {
            return emitChanged(buffers, output);
        }
        if (!emitFromState(buffers, true, output)) {
            return false;
        }
        changedIsInState = false;
        return true;
    }

    /** Goes on with the entry at which the output was full; nothing changes in between. */
    private boolean emitFromState(KeyedBuffers buffers, boolean changedOnly, Output output) {
        KeyedWalk going = walk;
        if (going == null) {
            going = changedOnly ? KeyedWalk.overChanged(buffers.state()) : KeyedWalk.overAll(buffers.state());
            walk = going;
        }
        boolean done = going.run(new Emitter(buffers, changedOnly, output));
        if (done) {
            walk = null;
        }
        return done;
    }

    /** Gives the result of each entry that it is shown. */
    private final class Emitter implements KeyedWalk.Visitor {
        private final KeyedBuffers buffers;
        private final boolean countsUpdates;
        private final Output output;

        Emitter(KeyedBuffers buffers, boolean countsUpdates, Output output) {
            this.buffers = buffers;
            this.countsUpdates = countsUpdates;
            this.output = output;
        }

        @Override
        public boolean inMemory(KeyedTable table, int entry) {
            return !output.isFull() && give(buffers.result(table, entry, table.key(entry, key)));
        }

        @Override
        public boolean spilled(RowView key, RowView value) {
            return !output.isFull() && give(buffers.result(key, value));
        }

        private boolean give(RowView result) {
            emit(result, output);
            metrics.addRowsUpdated(countsUpdates ? 1 : 0);
            return true;
        }
    }

    /** Gives the results of the keys that the watermark has passed, and drops them. */
    private boolean emitExpired(KeyedBuffers buffers, Output output) {
        return counted(
                buffers,
                buffers.state().rowCount(),
                buffers.state().expire(watermarkMicros, REMOVED_PER_STEP, (keyGroup, table, entry) -> {
                    if (output.isFull()) {
                        return false;
                    }
                    emit(buffers, table, entry, output);
                    return true;
                }));
    }

    /** False when there is more to remove than one step may take. */
    private boolean removeExpired(KeyedBuffers buffers) {
        return counted(
                buffers, buffers.state().rowCount(), buffers.state().removeExpired(watermarkMicros, REMOVED_PER_STEP));
    }

    private boolean counted(KeyedBuffers buffers, long rowsBefore, boolean all) {
        long removed = rowsBefore - buffers.state().rowCount();
        if (removed > 0) {
            metrics.addRowsRemoved(removed);
            publishState(buffers);
        }
        return all;
    }

    /** One entry per key, and one of the task: the watermark, lest late rows bring removed keys back. */
    @Override
    public FrozenState freeze(OperatorId id) {
        return FrozenState.all(List.of(
                FrozenState.of(WatermarkState.section(id, watermarkMicros)),
                opened().state().freeze(id, 0)));
    }

    /**
     * Of all tasks the greatest watermark holds, lest a late row bring a key back that was removed. They
     * differ only while an input falls idle.
     */
    @Override
    public void restore(Section section) throws Exception {
        if (section.key().isOfTask()) {
            section.read(entry -> watermarkMicros = Math.max(watermarkMicros, WatermarkState.micros(entry.value())));
        } else {
            opened().state().restore(section);
        }
    }

    /** Removes what a task with a lower watermark had left; what has not been given yet is, at the next watermark. */
    @Override
    public void restored() {
        KeyedBuffers buffers = opened();
        while (emission != Emission.AT_EXPIRY && !removeExpired(buffers)) {
            continue;
        }
        publishState(buffers);
    }

    private void publishState(KeyedBuffers buffers) {
        metrics.state(buffers.state().size());
    }

    @Override
    public void close() {
        if (walk != null) {
            walk.close();
            walk = null;
        }
        if (buffers != null) {
            buffers.close();
            buffers = null;
        }
    }
}
