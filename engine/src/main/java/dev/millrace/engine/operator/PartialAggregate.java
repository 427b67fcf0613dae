package dev.millrace.engine.operator;

import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.engine.page.RowCursor;
import dev.millrace.engine.page.RowView;
import dev.millrace.engine.state.KeyBytes;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The first half of an aggregation, on the near side of its exchange: makes one row of all rows of a key that
 * come in one go, so that under a backlog few rows cross the exchange, a frequent key no more often than
 * others. At a trickle it gives a row for each row. What it holds it gives when the input has run dry, before
 * each mark, and when it is full, so it needs no state. Where keys hardly repeat it lets rows through one by one
 * for a while.
 *
 * <p>Thread: the owning task. Bounds: those of {@link PartialBuffers}. Source: Spark's partial HashAggregateExec;
 * "adaptive partial aggregation" of analytical engines.
 */
public final class PartialAggregate implements Operator {
    /** After so many rows it is judged whether they were worth their while. */
    private static final int SAMPLE_ROWS = 8 * 1024;

    /** So many go through one by one before the next sample. */
    private static final int PASSED_ROWS = 64 * SAMPLE_ROWS;

    /** Of an entry that nobody looks for. */
    private static final int HASH_OF_ONE = 0;

    private final Supplier<? extends Aggregate> aggregates;
    private final RowView row = new RowView();
    private final RowView key = new RowView();
    private Aggregate.@Nullable InBytes aggregate;
    private @Nullable PartialBuffers held;

    /** How many of the entries that are held have been given, and where the next one is. */
    private int given;

    private int nextGiven;

    private int rowsHeld;
    private int rowsSampled;
    private int entriesSampled;
    private int rowsToPass;

    /** Makes the operator of each task. */
    public record Factory(PerTask<? extends Aggregate> aggregates, String name) implements OperatorFactory {
        @Override
        public Operator create() {
            return new PartialAggregate(aggregates);
        }
    }

    /**
     * @param aggregates called once, on the owning thread, for one with buffers of bytes; its result rows are what
     *     the second half takes
     */
    public PartialAggregate(Supplier<? extends Aggregate> aggregates) {
        this.aggregates = aggregates;
    }

    @Override
    public void open(OperatorContext context) {
        if (!(aggregates.get() instanceof Aggregate.InBytes inBytes)) {
            throw new MillraceException(
                    ErrorCode.INVARIANT,
                    "Cannot aggregate before an exchange: the buffers are objects. Report this as a bug.");
        }
        aggregate = inBytes;
        held = new PartialBuffers(inBytes.initialBuffer().toBytes());
    }

    @Override
    public boolean process(RowCursor rows, Output output) {
        Aggregate.InBytes opened = opened();
        PartialBuffers buffers = buffers();
        while (rows.hasRow()) {
            if (buffers.isFull() && !give(output)) {
                return false;
            }
            if (rowsToPass == 0) {
                take(opened, buffers, rows.row(row));
            } else if (output.isFull()) {
                return false;
            } else {
                pass(opened, buffers, rows.row(row), output);
                rowsToPass--;
            }
            rows.advance();
        }
        return true;
    }

    private void take(Aggregate.InBytes opened, PartialBuffers buffers, RowView of) {
        RowView rowKey = opened.key(of);
        int hash = KeyBytes.hash(rowKey.bytes(), rowKey.offset(), rowKey.sizeBytes());
        int entry = buffers.find(hash, rowKey);
        if (entry == PartialBuffers.NONE) {
            entry = buffers.add(hash, rowKey);
        }
        opened.update(buffers.bytes(), buffers.bufferOffset(entry), of);
        rowsHeld++;
    }

    /** Nothing is held meanwhile, so that the row's entry is the only one. */
    private void pass(Aggregate.InBytes opened, PartialBuffers buffers, RowView of, Output output) {
        int entry = buffers.add(HASH_OF_ONE, opened.key(of));
        opened.update(buffers.bytes(), buffers.bufferOffset(entry), of);
        emit(opened, buffers, entry, output);
        buffers.clear();
    }

    /** Gives all that is held; goes on where the output was full. */
    private boolean give(Output output) {
        Aggregate.InBytes opened = opened();
        PartialBuffers buffers = buffers();
        if (given == 0) {
            nextGiven = buffers.first();
        }
        for (; given < buffers.count(); given++) {
            if (output.isFull()) {
                return false;
            }
            emit(opened, buffers, nextGiven, output);
            nextGiven = buffers.next(nextGiven);
        }
        judge(given);
        buffers.clear();
        given = 0;
        return true;
    }

    /** Whether a row of two at least was spared; else aggregating here costs more than it spares. */
    private void judge(int entries) {
        rowsSampled += rowsHeld;
        entriesSampled += entries;
        rowsHeld = 0;
        if (rowsSampled >= SAMPLE_ROWS) {
            rowsToPass = entriesSampled * 2L > rowsSampled ? PASSED_ROWS : 0;
            rowsSampled = 0;
            entriesSampled = 0;
        }
    }

    private void emit(Aggregate.InBytes opened, PartialBuffers buffers, int entry, Output output) {
        RowView result = opened.result(buffers.key(entry, key), buffers.bytes(), buffers.bufferOffset(entry));
        output.emit(result.bytes(), result.offset(), result.sizeBytes());
    }

    @Override
    public boolean holdsRows() {
        return held != null && held.count() > 0;
    }

    @Override
    public boolean giveHeld(Output output) {
        return give(output);
    }

    @Override
    public boolean watermark(long micros, Output output) {
        return give(output);
    }

    @Override
    public boolean barrier(long epoch, Output output) {
        return give(output);
    }

    private Aggregate.InBytes opened() {
        Aggregate.InBytes opened = aggregate;
        if (opened == null) {
            throw notOpen();
        }
        return opened;
    }

    private PartialBuffers buffers() {
        PartialBuffers buffers = held;
        if (buffers == null) {
            throw notOpen();
        }
        return buffers;
    }

    private static MillraceException notOpen() {
        return new MillraceException(
                ErrorCode.INVARIANT, "Cannot aggregate rows: the operator is not open. Report this as a bug.");
    }
}
