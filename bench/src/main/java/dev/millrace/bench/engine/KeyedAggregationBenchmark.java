package dev.millrace.bench.engine;

import dev.millrace.bench.inprocess.CountSumMax;
import dev.millrace.engine.metrics.OperatorMetrics;
import dev.millrace.engine.operator.Emission;
import dev.millrace.engine.operator.KeyedAggregateFactory;
import dev.millrace.engine.operator.Operator;
import dev.millrace.engine.operator.OperatorContext;
import dev.millrace.engine.page.Page;
import dev.millrace.engine.page.RowCursor;
import dev.millrace.engine.state.MemoryBudget;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
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
import org.openjdk.jmh.infra.Blackhole;

/** Rows a second through one task's keyed count, sum and max, page by page. */
@State(Scope.Thread)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(value = 2, jvmArgsAppend = "-Xmx2g")
public class KeyedAggregationBenchmark {
    static final int ROWS_PER_PAGE = 1_024;

    private static final int KEY_GROUPS = 8;

    /** Enough pages that their rows do not stay in the processor's cache. */
    private static final int PAGES = 2_048;

    @Param({"1000", "1000000"})
    int keys;

    @Param({"PER_PAGE", "EVERY_CHANGE"})
    Emission emission = Emission.PER_PAGE;

    private final RowCursor cursor = new RowCursor();
    private final Page[] pages = new Page[PAGES];
    private Operator operator = new KeyedAggregateFactory(CountSumMax::new, "aggregate", Emission.PER_PAGE).create();
    private int next;

    @Setup
    public void setUp() throws Exception {
        SplittableRandom random = new SplittableRandom(7);
        for (int i = 0; i < PAGES; i++) {
            pages[i] = page(random);
        }
        operator = new KeyedAggregateFactory(CountSumMax::new, "aggregate", emission).create();
        operator.open(new OperatorContext(
                0,
                1,
                KEY_GROUPS,
                new MemoryBudget(Long.MAX_VALUE / 2),
                new OperatorMetrics(),
                System::currentTimeMillis,
                0));
    }

    private Page page(SplittableRandom random) {
        Page page = new Page();
        byte[] row = new byte[CountSumMax.ROW_BYTES];
        for (int i = 0; i < ROWS_PER_PAGE; i++) {
            int key = random.nextInt(keys);
            CountSumMax.LONG.set(row, 0, (long) key);
            CountSumMax.LONG.set(row, 8, random.nextLong(10_000));
            page.append(row, 0, row.length, key % KEY_GROUPS, 0);
        }
        return page;
    }

    @Benchmark
    @OperationsPerInvocation(ROWS_PER_PAGE)
    public void rows(Blackhole blackhole) throws Exception {
        next = next + 1 == PAGES ? 0 : next + 1;
        operator.process(cursor.pointTo(pages[next]), new BlackholeOutput(blackhole));
    }

    @TearDown
    public void tearDown() throws Exception {
        operator.close();
    }
}
