package dev.millrace.bench;

import dev.millrace.engine.metrics.OperatorMetrics;
import dev.millrace.engine.operator.Aggregate;
import dev.millrace.engine.operator.Emission;
import dev.millrace.engine.operator.KeyedAggregate;
import dev.millrace.engine.operator.OperatorContext;
import dev.millrace.engine.operator.Output;
import dev.millrace.engine.page.Page;
import dev.millrace.engine.page.RowCursor;
import dev.millrace.engine.page.RowView;
import dev.millrace.engine.state.KeyBytes;
import dev.millrace.engine.state.KeyedState;
import dev.millrace.engine.state.KeyedTable;
import dev.millrace.engine.state.MemoryBudget;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * Count, sum and maximum by key, over full pages of rows whose keys are random: through the table
 * alone, and through {@link KeyedAggregate} with a result per key and page or per row.
 *
 * <p>Layout of a row, like Spark's with two longs: null bits (8 bytes), key (8), value (8). Layout of a
 * key: null bits (8), key (8).
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Fork(value = 1, jvmArgsAppend = "-Xmx2g")
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 3, time = 1)
public class KeyedStateBenchmark {
    private static final int ROWS_PER_PAGE = 1_000;
    private static final int ROW_BYTES = 24;
    private static final int KEY_OFFSET = 8;
    private static final int VALUE_OFFSET = 16;
    private static final int KEY_BYTES = 16;
    private static final int BUFFER_BYTES = 24;
    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.nativeOrder());

    @Param({"1000", "1000000"})
    public int keys;

    @Param({"200"})
    public int keyGroups;

    private final CountingOutput output = new CountingOutput();
    private final CountSumMax aggregate = new CountSumMax();
    private final RowCursor cursor = new RowCursor();
    private final RowView row = new RowView();
    private Page[] pages = new Page[0];
    private int nextPage;
    private KeyedState<KeyedTable> state = KeyedState.ofBytes(1, 0, new MemoryBudget(0));
    private KeyedAggregate perPage = new KeyedAggregate(() -> aggregate, Emission.PER_PAGE);
    private KeyedAggregate perRow = new KeyedAggregate(() -> aggregate, Emission.EVERY_CHANGE);

    @Setup(Level.Trial)
    public void fillPages() {
        SplittableRandom random = new SplittableRandom(1);
        pages = new Page[Math.max(64, 2 * keys / ROWS_PER_PAGE)];
        byte[] bytes = new byte[ROW_BYTES];
        for (int i = 0; i < pages.length; i++) {
            pages[i] = new Page();
            for (int j = 0; j < ROWS_PER_PAGE; j++) {
                long key = random.nextInt(keys);
                LONG.set(bytes, KEY_OFFSET, key);
                LONG.set(bytes, VALUE_OFFSET, random.nextLong(1_000));
                int keyGroup = (int) ((key * 0xD6E8FEB86659FD93L >>> 33) % keyGroups);
                pages[i].append(bytes, 0, ROW_BYTES, keyGroup, 0);
            }
        }
        state = KeyedState.ofBytes(keyGroups, BUFFER_BYTES, new MemoryBudget(Long.MAX_VALUE));
        OperatorContext context = new OperatorContext(
                0, 1, keyGroups, new MemoryBudget(Long.MAX_VALUE), new OperatorMetrics(), System::currentTimeMillis, 0);
        perPage.open(context);
        perRow.open(context);
    }

    @TearDown(Level.Trial)
    public void close() {
        state.close();
        perPage.close();
        perRow.close();
    }

    private RowCursor nextRows() {
        nextPage = nextPage + 1 == pages.length ? 0 : nextPage + 1;
        return cursor.pointTo(pages[nextPage]);
    }

    @Benchmark
    @OperationsPerInvocation(ROWS_PER_PAGE)
    public long tableLookupAndUpdate() {
        RowCursor rows = nextRows();
        while (rows.hasRow()) {
            rows.row(row);
            RowView key = aggregate.key(row);
            KeyedTable table = state.table(rows.keyGroup());
            int hash = KeyBytes.hash(key.bytes(), key.offset(), KEY_BYTES);
            int entry = table.find(hash, key.bytes(), key.offset(), KEY_BYTES);
            if (entry == KeyedTable.NONE) {
                entry = table.add(hash, key, KeyedTable.NEVER);
            }
            aggregate.update(table.bytesToChange(entry), table.valueOffset(entry), row);
            rows.advance();
        }
        return state.rowCount();
    }

    @Benchmark
    @OperationsPerInvocation(ROWS_PER_PAGE)
    public long aggregateWithAResultPerKeyAndPage() {
        perPage.process(nextRows(), output);
        return output.rowCount;
    }

    @Benchmark
    @OperationsPerInvocation(ROWS_PER_PAGE)
    public long aggregateWithAResultPerRow() {
        perRow.process(nextRows(), output);
        return output.rowCount;
    }

    /** Takes rows as fast as they come. */
    private static final class CountingOutput implements Output {
        private final byte[] last = new byte[64];
        private long rowCount;

        @Override
        public boolean isFull() {
            return false;
        }

        @Override
        public void emit(byte[] bytes, int offset, int sizeBytes) {
            System.arraycopy(bytes, offset, last, 0, sizeBytes);
            rowCount++;
        }
    }

    /** What Spark's generated projections do for count, sum and maximum over longs. */
    private static final class CountSumMax implements Aggregate.InBytes {
        private final byte[] keyBytes = new byte[KEY_BYTES];
        private final byte[] resultBytes = new byte[8 + 8 + BUFFER_BYTES];
        private final RowView view = new RowView();

        @Override
        public RowView key(RowView row) {
            LONG.set(keyBytes, 8, (long) LONG.get(row.bytes(), row.offset() + KEY_OFFSET));
            return view.pointTo(keyBytes, 0, KEY_BYTES);
        }

        @Override
        public RowView initialBuffer() {
            return view.pointTo(new byte[BUFFER_BYTES], 0, BUFFER_BYTES);
        }

        @Override
        public void update(byte[] bytes, int offset, RowView row) {
            long value = (long) LONG.get(row.bytes(), row.offset() + VALUE_OFFSET);
            LONG.set(bytes, offset, (long) LONG.get(bytes, offset) + 1);
            LONG.set(bytes, offset + 8, (long) LONG.get(bytes, offset + 8) + value);
            LONG.set(bytes, offset + 16, Math.max((long) LONG.get(bytes, offset + 16), value));
        }

        @Override
        public void merge(byte[] bytes, int offset, byte[] otherBytes, int otherOffset) {
            LONG.set(bytes, offset, (long) LONG.get(bytes, offset) + (long) LONG.get(otherBytes, otherOffset));
            LONG.set(
                    bytes,
                    offset + 8,
                    (long) LONG.get(bytes, offset + 8) + (long) LONG.get(otherBytes, otherOffset + 8));
            long other = (long) LONG.get(otherBytes, otherOffset + 16);
            LONG.set(bytes, offset + 16, Math.max((long) LONG.get(bytes, offset + 16), other));
        }

        @Override
        public RowView result(RowView key, byte[] bytes, int offset) {
            LONG.set(resultBytes, 8, (long) LONG.get(key.bytes(), key.offset() + 8));
            System.arraycopy(bytes, offset, resultBytes, 16, BUFFER_BYTES);
            return view.pointTo(resultBytes, 0, resultBytes.length);
        }
    }
}
