package dev.millrace.engine.operator;

import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.engine.page.RowCursor;
import dev.millrace.engine.page.RowView;
import dev.millrace.engine.state.MemoryBudget;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Holds the rows of an epoch back until its barrier, and gives them in order, or only the first of
 * them. Between barriers it has no state: where every epoch brings a whole table, as in complete mode,
 * all rows come right before the barrier.
 *
 * <p>Thread: the owning task. Bounds: the memory budget; with a limit, twice as many rows and
 * {@link #ROWS_BESIDE_LIMIT}. Errors: STATE_MEMORY.
 */
public final class EpochSort implements Operator {
    /** No limit. */
    public static final int ALL = Integer.MAX_VALUE;

    /** Rows are cut to the limit only when they are more than that beyond it, as every cut sorts. */
    private static final int ROWS_BESIDE_LIMIT = 1024;

    /** What a held row takes beside its bytes: array, view and reference. */
    private static final int ROW_OVERHEAD_BYTES = 48;

    private final Supplier<RowOrder> orders;
    private final int limit;
    private final RowView row = new RowView();
    private final List<RowView> held = new ArrayList<>();
    private @Nullable MemoryBudget budget;
    private @Nullable RowOrder order;
    private long heldBytes;
    private int emittedCount;
    private boolean sorted;

    /**
     * @param orders called once, on the owning thread
     * @param limit how many rows of an epoch to give at most, or {@link #ALL}
     */
    public EpochSort(Supplier<RowOrder> orders, int limit) {
        this.orders = orders;
        this.limit = limit;
    }

    /** Makes the operator of each task. */
    public record Factory(PerTask<RowOrder> orders, int limit, String name) implements OperatorFactory {
        @Override
        public Operator create() {
            return new EpochSort(orders, limit);
        }
    }

    @Override
    public void open(OperatorContext context) {
        budget = context.stateBudget();
        order = orders.get();
    }

    @Override
    public boolean process(RowCursor rows, Output output) {
        while (rows.hasRow()) {
            byte[] bytes = rows.row(row).toBytes();
            take(bytes.length + ROW_OVERHEAD_BYTES);
            held.add(new RowView().pointTo(bytes, 0, bytes.length));
            rows.advance();
            if (limit != ALL && held.size() - limit > limit + ROWS_BESIDE_LIMIT) {
                cut();
            }
        }
        return true;
    }

    private void take(long sizeBytes) {
        opened().reserve(sizeBytes);
        heldBytes += sizeBytes;
    }

    private MemoryBudget opened() {
        if (budget == null) {
            throw new MillraceException(ErrorCode.INVARIANT, "Cannot sort: it is not open. Report this as a bug.");
        }
        return budget;
    }

    /** Sorts what is held and lets go of what is beyond the limit. */
    private void cut() {
        RowOrder by = Objects.requireNonNull(order);
        held.sort(by::compare);
        if (held.size() > limit) {
            List<RowView> beyond = held.subList(limit, held.size());
            for (RowView dropped : beyond) {
                giveBack(dropped.sizeBytes() + ROW_OVERHEAD_BYTES);
            }
            beyond.clear();
        }
    }

    private void giveBack(long sizeBytes) {
        opened().release(sizeBytes);
        heldBytes -= sizeBytes;
    }

    @Override
    public boolean barrier(long epoch, Output output) {
        if (!sorted) {
            cut();
            sorted = true;
        }
        while (emittedCount < held.size()) {
            if (output.isFull()) {
                return false;
            }
            RowView next = held.get(emittedCount++);
            output.emit(next.bytes(), next.offset(), next.sizeBytes());
        }
        forget();
        return true;
    }

    private void forget() {
        giveBack(heldBytes);
        held.clear();
        emittedCount = 0;
        sorted = false;
    }

    @Override
    public void close() {
        if (budget != null) {
            forget();
            budget = null;
        }
    }
}
