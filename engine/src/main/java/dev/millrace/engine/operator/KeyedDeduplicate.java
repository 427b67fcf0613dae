package dev.millrace.engine.operator;

import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.engine.metrics.OperatorMetrics;
import dev.millrace.engine.page.RowCursor;
import dev.millrace.engine.page.RowView;
import dev.millrace.engine.snapshot.FrozenState;
import dev.millrace.engine.snapshot.OperatorId;
import dev.millrace.engine.snapshot.SectionKey;
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
    private final Supplier<RowIdentity> identities;
    private final RowView row = new RowView();

    private @Nullable RowIdentity identity;
    private @Nullable KnownKeys known;
    private OperatorMetrics metrics = new OperatorMetrics();
    private long watermarkMicros = Long.MIN_VALUE;
    private long firstCount;
    private long duplicateCount;
    private long lateCount;

    /** @param identities called once, on the owning thread */
    public KeyedDeduplicate(Supplier<RowIdentity> identities) {
        this.identities = identities;
    }

    /**
     * Makes the operator of each task.
     *
     * @param identities makes one task's view of rows, on the task's own thread
     */
    public record Factory(Supplier<RowIdentity> identities, String name) implements OperatorFactory {
        @Override
        public boolean keepsState() {
            return true;
        }

        @Override
        public Operator create() {
            return new KeyedDeduplicate(identities);
        }
    }

    @Override
    public void open(OperatorContext context) {
        metrics = context.metrics();
        identity = identities.get();
        known = new KnownKeys(context.keyGroupCount(), context.stateBudget());
    }

    private KnownKeys opened() {
        if (known == null) {
            throw new MillraceException(
                    ErrorCode.INVARIANT, "Cannot use a deduplication: it is not open. Report this as a bug.");
        }
        return known;
    }

    @Override
    public boolean process(RowCursor rows, Output output) {
        KnownKeys keys = opened();
        boolean done = take(Objects.requireNonNull(identity), keys, rows, output);
        metrics.addRowsUpdated(firstCount);
        metrics.addRowsDroppedAsDuplicates(duplicateCount);
        metrics.addRowsDroppedByWatermark(lateCount);
        firstCount = 0;
        duplicateCount = 0;
        lateCount = 0;
        publishState(keys);
        return done;
    }

    private boolean take(RowIdentity identity, KnownKeys keys, RowCursor rows, Output output) {
        while (rows.hasRow()) {
            if (output.isFull()) {
                return false;
            }
            rows.row(row);
            long eventTimeMicros = identity.eventTimeMicros(row);
            if (eventTimeMicros <= watermarkMicros && eventTimeMicros != RowIdentity.NO_EVENT_TIME) {
                lateCount++;
            } else if (keys.add(rows.keyGroup(), identity.key(row), identity.expiryMicros(eventTimeMicros))) {
                firstCount++;
                output.emit(row.bytes(), row.offset(), row.sizeBytes());
            } else {
                duplicateCount++;
            }
            rows.advance();
        }
        return true;
    }

    @Override
    public boolean watermark(long micros, Output output) {
        watermarkMicros = Math.max(watermarkMicros, micros);
        forgetExpired(opened());
        return true;
    }

    private void forgetExpired(KnownKeys keys) {
        long removed = keys.removeExpired(watermarkMicros);
        if (removed > 0) {
            metrics.addRowsRemoved(removed);
            publishState(keys);
        }
    }

    /** One entry per key, its expiry time, and one of the task: the watermark. */
    @Override
    public FrozenState freeze(OperatorId id) {
        return opened().freeze(id, WatermarkState.section(id, watermarkMicros));
    }

    /** As in an aggregation, of all tasks the greatest watermark holds. */
    @Override
    public void restore(SnapshotEntry entry) {
        if (entry.keyGroup() == SectionKey.TASK) {
            watermarkMicros = Math.max(watermarkMicros, WatermarkState.micros(entry.value()));
        } else {
            opened().restore(entry);
        }
    }

    /** What the watermark has removed since a key's entry was written, it removes again. */
    @Override
    public void restored() {
        KnownKeys keys = opened();
        forgetExpired(keys);
        publishState(keys);
    }

    private void publishState(KnownKeys keys) {
        metrics.state(keys.count(), keys.sizeBytes());
    }

    @Override
    public void close() {
        if (known != null) {
            known.close();
            known = null;
        }
    }
}
