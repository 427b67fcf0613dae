package dev.millrace.engine.operator;

import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.engine.page.RowCursor;
import dev.millrace.engine.page.RowView;
import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Aggregates the rows of each epoch as they pass, without keys and without changing any. What it saw of
 * an epoch goes to whoever gathers the epoch; nothing is kept from one to the next, so that an epoch that
 * runs again after a failure is observed anew.
 *
 * <p>Thread: the owning task.
 */
public final class Observe implements PassThrough {
    private static final RowView NO_KEY = new RowView();

    private final Supplier<Aggregate> aggregates;
    private final RowView row = new RowView();
    private Aggregate.@Nullable InObjects aggregate;
    private @Nullable Object buffer;

    /** @param aggregates called once, on the owning thread */
    public Observe(Supplier<Aggregate> aggregates) {
        this.aggregates = aggregates;
    }

    @Override
    public void open(OperatorContext context) {
        Aggregate.InObjects opened = BytesAsObjects.of(aggregates.get());
        aggregate = opened;
        buffer = opened.newBuffer();
    }

    @Override
    public void observe(RowCursor rows) {
        Aggregate.InObjects opened = opened();
        Object into = buffer;
        if (into == null) {
            throw notOpen();
        }
        for (; rows.hasRow(); rows.advance()) {
            opened.update(into, rows.row(row));
        }
    }

    /** The buffer of the rows since the last barrier. */
    @Override
    public byte[] takeObservation() {
        Aggregate.InObjects opened = opened();
        Object seen = buffer;
        if (seen == null) {
            throw notOpen();
        }
        byte[] bytes = opened.serialize(seen).toBytes();
        buffer = opened.newBuffer();
        return bytes;
    }

    /**
     * The result over what all tasks observed of an epoch.
     *
     * @param aggregate one that no task uses
     * @return valid until the aggregate's next use
     */
    public static RowView result(Aggregate aggregate, List<byte[]> observations) {
        Aggregate.InObjects merging = BytesAsObjects.of(aggregate);
        Object all = merging.newBuffer();
        RowView view = new RowView();
        for (byte[] bytes : observations) {
            merging.merge(all, merging.deserialize(view.pointTo(bytes, 0, bytes.length)));
        }
        return merging.result(NO_KEY, all);
    }

    private Aggregate.InObjects opened() {
        Aggregate.InObjects opened = aggregate;
        if (opened == null) {
            throw notOpen();
        }
        return opened;
    }

    private static MillraceException notOpen() {
        return new MillraceException(
                ErrorCode.INVARIANT, "Cannot observe rows: the operator is not open. Report this as a bug.");
    }
}
