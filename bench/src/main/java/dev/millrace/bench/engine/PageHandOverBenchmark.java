package dev.millrace.bench.engine;

import dev.millrace.engine.exchange.Channel;
import dev.millrace.engine.exchange.Signal;
import dev.millrace.engine.page.Page;
import dev.millrace.engine.stream.Item;
import dev.millrace.engine.task.Loop;
import dev.millrace.engine.task.Step;
import dev.millrace.engine.task.TaskScope;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * A page from one loop to another and back: this thread is one of the two, an engine's loop that
 * returns what it gets is the other.
 */
@State(Scope.Benchmark)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(2)
public class PageHandOverBenchmark {
    private static final int PAGES_PER_INVOCATION = 1_000;
    private static final int ROWS_PER_PAGE = 1_024;
    private static final long LONGEST_SLEEP_NANOS = 1_000_000_000L;

    private final Signal mine = new Signal();
    private final Signal theirs = new Signal();
    private final Channel there = new Channel(mine, theirs);
    private final Channel back = new Channel(theirs, mine);
    private final Loop loop = new Loop("echo", List.of(new Echo(there, back)), theirs, TaskScope.PLAIN, (where, e) -> {
        throw new IllegalStateException(where, e);
    });

    @Setup
    public void setUp() {
        loop.start();
    }

    @TearDown
    public void tearDown() throws InterruptedException {
        loop.requestStop();
        loop.awaitStop(LONGEST_SLEEP_NANOS);
    }

    /** One row there and back; both threads sleep in between. Half of it is one hand-over. */
    @Benchmark
    @BenchmarkMode({Mode.AverageTime, Mode.SampleTime})
    public int singleRowThereAndBack() {
        there.offer(new Item.Rows(filled(1)));
        return takeBack();
    }

    /** Full pages as fast as the two threads can. */
    @Benchmark
    @BenchmarkMode(Mode.Throughput)
    @OperationsPerInvocation(PAGES_PER_INVOCATION * ROWS_PER_PAGE)
    public int saturated() {
        int sent = 0;
        int received = 0;
        while (received < PAGES_PER_INVOCATION) {
            mine.lower();
            boolean progress = false;
            if (sent < PAGES_PER_INVOCATION && there.offer(new Item.Rows(filled(ROWS_PER_PAGE)))) {
                sent++;
                progress = true;
            }
            if (back.poll() instanceof Item.Rows rows) {
                back.recycle(rows.page());
                received++;
                progress = true;
            }
            if (!progress) {
                mine.await(LONGEST_SLEEP_NANOS);
            }
        }
        return received;
    }

    private int takeBack() {
        while (true) {
            mine.lower();
            if (back.poll() instanceof Item.Rows rows) {
                int count = rows.page().rowCount();
                back.recycle(rows.page());
                return count;
            }
            mine.await(LONGEST_SLEEP_NANOS);
        }
    }

    private Page filled(int rows) {
        Page page = there.emptyPage();
        for (int i = 0; i < rows; i++) {
            page.reserve(Long.BYTES, 0, 0);
        }
        return page;
    }

    /** Hands each page on as it is. */
    private static final class Echo implements Step {
        private final Channel in;
        private final Channel out;
        private @Nullable Item held;

        Echo(Channel in, Channel out) {
            this.in = in;
            this.out = out;
        }

        @Override
        public String name() {
            return "echo";
        }

        @Override
        public void open() {}

        @Override
        public boolean step() {
            Item item = held != null ? held : in.poll();
            if (item == null) {
                return false;
            }
            held = out.offer(item) ? null : item;
            return held == null;
        }

        @Override
        public void close() {}
    }
}
