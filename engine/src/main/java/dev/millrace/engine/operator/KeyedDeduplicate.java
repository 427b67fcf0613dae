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
import dev.millrace.engine.snapshot.StateSchema;
import dev.millrace.engine.state.KeyBytes;
import dev.millrace.engine.state.KeyedState;
import dev.millrace.engine.state.KeyedTable;
import java.util.List;
import java.util.Objects;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Lets the first row of each key through, at once and in order, and drops its duplicates. A key is
 * forgotten when the watermark reaches its expiry time. Rows that the watermark has passed are late
 * and dropped, whether their key is known or not.
 *
 * <p>Thread: the owning task. Source: Spark's StreamingDeduplicateExec and
 * StreamingDeduplicateWithinWatermarkExec.
 */
public final class KeyedDeduplicate implements Operator {
    private static final int OWNER_OF_NO_KEY_GROUP = 0;
    private static final int FORGOTTEN_PER_STEP = 4096;
    private static final RowView NO_VALUE = new RowView();

    private final Supplier<RowIdentity> identities;
    private final boolean ofEachEpoch;
    private final ChangedEntries givenInEpoch = new ChangedEntries();
    private final RowView row = new RowView();

    private @Nullable RowIdentity identity;
    private @Nullable KeyedState<KeyedTable> known;
    private OperatorMetrics metrics = new OperatorMetrics();
    private LateRows lateRows = LateRows.NOWHERE;
    private long watermarkMicros = Long.MIN_VALUE;
    private long firstCount;
    private long duplicateCount;
    private long lateCount;
    private boolean givesAgain;

    /**
     * @param identities called once, on the owning thread
     * @param ofEachEpoch whether a known key passes once in each bounded epoch in which it comes again
     */
    public KeyedDeduplicate(Supplier<RowIdentity> identities, boolean ofEachEpoch) {
        this.identities = identities;
        this.ofEachEpoch = ofEachEpoch;
    }

    /**
     * Makes the operator of each task.
     *
     * @param identities makes one task's view of rows, on the task's own thread
     * @param ofEachEpoch whether a known key passes once in each bounded epoch in which it comes again
     * @param states what the state holds
     */
    public record Factory(Supplier<RowIdentity> identities, String name, boolean ofEachEpoch, List<StateSchema> states)
            implements OperatorFactory {
        public Factory {
            states = List.copyOf(states);
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
            return new KeyedDeduplicate(identities, ofEachEpoch);
        }
    }

    @Override
    public void open(OperatorContext context) {
        metrics = context.metrics();
        lateRows = context.lateRows();
        identity = identities.get();
        known = KeyedState.ofValues(context.keyGroupCount(), context.stateBudget());
        if (context.time().standsStill()) {
            watermarkMicros = 0; // where Spark's begins
            givesAgain = ofEachEpoch;
        }
    }

    private KeyedState<KeyedTable> opened() {
        if (known == null) {
            throw new MillraceException(
                    ErrorCode.INVARIANT, "Cannot use a deduplication: it is not open. Report this as a bug.");
        }
        return known;
    }

    @Override
    public boolean process(RowCursor rows, Output output) {
        KeyedState<KeyedTable> keys = opened();
        boolean done = take(Objects.requireNonNull(identity), keys, rows, output);
        keys.reclaim();
        metrics.addRowsUpdated(firstCount);
        metrics.addRowsDroppedAsDuplicates(duplicateCount);
        metrics.addRowsDroppedByWatermark(lateCount);
        firstCount = 0;
        duplicateCount = 0;
        lateCount = 0;
        publishState(keys);
        return done;
    }

    private boolean take(RowIdentity identity, KeyedState<KeyedTable> keys, RowCursor rows, Output output) {
        while (rows.hasRow()) {
            if (output.isFull()) {
                return false;
            }
            rows.row(row);
            long eventTimeMicros = identity.eventTimeMicros(row);
            if (eventTimeMicros <= watermarkMicros && eventTimeMicros != RowIdentity.NO_EVENT_TIME) {
                lateCount++;
                lateRows.add(Side.LEFT, row, eventTimeMicros, watermarkMicros);
            } else if (isFirst(keys, rows.keyGroup(), identity.key(row), identity.expiryMicros(eventTimeMicros))) {
                firstCount++;
                output.emit(row.bytes(), row.offset(), row.sizeBytes());
            } else {
                duplicateCount++;
            }
            rows.advance();
            if (keys.isMemoryAlmostUsed()) {
                keys.reclaim();
            }
        }
        return true;
    }

    /** Remembers a key unless it is known; true when it was not. */
    private boolean isFirst(KeyedState<KeyedTable> keys, int keyGroup, RowView key, long expiryMicros) {
        int hash = KeyBytes.hash(key.bytes(), key.offset(), key.sizeBytes());
        KeyedTable table = keys.table(keyGroup == Page.NO_KEY_GROUP ? OWNER_OF_NO_KEY_GROUP : keyGroup);
        int entry = table.find(hash, key);
        boolean isKnown = entry != KeyedTable.NONE;
        if (!isKnown) {
            entry = table.add(hash, key, NO_VALUE, expiryMicros);
        }
        if (!givesAgain) {
            return !isKnown;
        }
        int before = givenInEpoch.count();
        givenInEpoch.add(keyGroup == Page.NO_KEY_GROUP ? OWNER_OF_NO_KEY_GROUP : keyGroup, table, entry);
        return givenInEpoch.count() > before;
    }

    @Override
    public boolean watermark(long micros, Output output) {
        watermarkMicros = Math.max(watermarkMicros, micros);
        givenInEpoch.clear(); // where keys are given again a watermark comes with the epoch's end
        return forgetExpired(opened());
    }

    @Override
    public boolean barrier(long epoch, Output output) {
        givenInEpoch.clear();
        return true;
    }

    /** False when there is more to forget than one step may take. */
    private boolean forgetExpired(KeyedState<KeyedTable> keys) {
        long before = keys.rowCount();
        boolean all = keys.removeExpired(watermarkMicros, FORGOTTEN_PER_STEP);
        if (keys.rowCount() < before) {
            metrics.addRowsRemoved(before - keys.rowCount());
            publishState(keys);
        }
        return all;
    }

    /** One entry per key, without a value, and one of the task: the watermark. */
    @Override
    public FrozenState freeze(OperatorId id) {
        return FrozenState.all(
                List.of(FrozenState.of(WatermarkState.section(id, watermarkMicros)), opened().freeze(id, 0)));
    }

    /** As in an aggregation, of all tasks the greatest watermark holds. */
    @Override
    public void restore(Section section) throws Exception {
        if (section.key().isOfTask()) {
            section.read(entry -> watermarkMicros = Math.max(watermarkMicros, WatermarkState.micros(entry.value())));
        } else {
            opened().restore(section);
        }
    }

    @Override
    public void restored() {
        KeyedState<KeyedTable> keys = opened();
        while (!forgetExpired(keys)) {
            continue;
        }
        publishState(keys);
    }

    private void publishState(KeyedState<KeyedTable> keys) {
        metrics.state(keys.size());
    }

    @Override
    public void close() {
        if (known != null) {
            known.close();
            known = null;
        }
    }
}
