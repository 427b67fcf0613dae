package dev.millrace.engine.operator;

import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.engine.metrics.OperatorMetrics;
import dev.millrace.engine.metrics.StateSize;
import dev.millrace.engine.page.RowCursor;
import dev.millrace.engine.page.RowView;
import dev.millrace.engine.snapshot.FrozenState;
import dev.millrace.engine.snapshot.OperatorId;
import dev.millrace.engine.snapshot.Section;
import dev.millrace.engine.snapshot.SectionKey;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * Lets the first rows through and drops the rest: of all rows, or of each epoch where every epoch
 * brings a whole table. Stands behind an exchange that brings all rows to one task, whose key group is
 * 0. In a snapshot the count is the value of the empty key: 8 bytes, the most significant first.
 *
 * <p>Thread: the owning task. Source: Spark's StreamingGlobalLimitExec.
 */
public final class RowLimit implements Operator {
    private static final int KEY_GROUP = 0;

    private final long limit;
    private final boolean ofEachEpoch;
    private final RowView row = new RowView();
    private OperatorMetrics metrics = new OperatorMetrics();
    private long count;

    public RowLimit(long limit, boolean ofEachEpoch) {
        this.limit = limit;
        this.ofEachEpoch = ofEachEpoch;
    }

    /** Makes the operator of each task. */
    public record Factory(long limit, boolean ofEachEpoch) implements OperatorFactory {
        @Override
        public String name() {
            return (ofEachEpoch ? "LimitOfEpoch[%d]" : "Limit[%d]").formatted(limit);
        }

        @Override
        public boolean keepsState() {
            return !ofEachEpoch;
        }

        @Override
        public Operator create() {
            return new RowLimit(limit, ofEachEpoch);
        }
    }

    @Override
    public void open(OperatorContext context) {
        metrics = context.metrics();
    }

    @Override
    public boolean process(RowCursor rows, Output output) {
        while (rows.hasRow() && count < limit) {
            if (output.isFull()) {
                return false;
            }
            rows.row(row);
            output.emit(row.bytes(), row.offset(), row.sizeBytes());
            rows.advance();
            count++;
        }
        rows.skipAll();
        if (!ofEachEpoch) {
            metrics.state(StateSize.inMemory(count > 0 ? 1 : 0, Long.BYTES));
        }
        return true;
    }

    @Override
    public boolean barrier(long epoch, Output output) {
        if (ofEachEpoch) {
            count = 0;
        }
        return true;
    }

    @Override
    public @Nullable FrozenState freeze(OperatorId id) {
        if (count == 0) {
            return null;
        }
        return FrozenState.of(section(id, count));
    }

    /** What a snapshot holds behind so many rows. */
    public static Section section(OperatorId id, long count) {
        byte[] bytes = ByteBuffer.allocate(Long.BYTES).putLong(count).array();
        Section section = new Section(new SectionKey(id, KEY_GROUP)).markBase();
        section.put(new RowView(), new RowView().pointTo(bytes, 0, bytes.length));
        return section;
    }

    @Override
    public void restore(Section section) throws Exception {
        section.read(entry -> count = count(entry.value()));
    }

    private static long count(RowView value) {
        if (value.sizeBytes() != Long.BYTES) {
            throw new MillraceException(
                    ErrorCode.STATE_CORRUPT,
                    "Cannot restore a limit's count: sizeBytes=%d, expected %d. Restart from an earlier epoch."
                            .formatted(value.sizeBytes(), Long.BYTES));
        }
        return ByteBuffer.wrap(value.bytes()).getLong(value.offset());
    }
}
