package dev.millrace.engine.harness;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.engine.exchange.KeyGroupFunction;
import dev.millrace.engine.metrics.OperatorMetrics;
import dev.millrace.engine.operator.Operator;
import dev.millrace.engine.operator.OperatorContext;
import dev.millrace.engine.operator.PassThrough;
import dev.millrace.engine.page.Page;
import dev.millrace.engine.page.RowCursor;
import dev.millrace.engine.page.RowView;
import dev.millrace.engine.page.Side;
import dev.millrace.engine.state.MemoryBudget;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Runs an operator over events as a task would: plainly, or with adversity by a seed. Adversity is an
 * output that is full every other call, pages cut anywhere, rows overwritten as soon as the operator
 * gave them back, and, whenever the input runs dry, a barrier after which a fresh operator goes on from
 * the snapshot. Every run ends with a look at the memory budget: all of it must have been given back.
 */
public final class OperatorHarness {
    /**
     * What one run gave.
     *
     * @param events the rows, and the marks between them, in their order
     * @param observations what an operator that observes saw of each epoch
     */
    public record Outcome(
            List<byte[]> rows,
            List<Event> events,
            List<byte[]> observations,
            long watermarkMicros,
            OperatorMetrics metrics) {}

    private static final int CALLS_WITHOUT_END = 100_000;

    private final Supplier<Operator> operators;
    private final int keyGroupCount;
    private final KeyGroupFunction keyGroups;

    /** @param keyGroups what the exchange before the operator would compute */
    public OperatorHarness(Supplier<Operator> operators, int keyGroupCount, KeyGroupFunction keyGroups) {
        this.operators = operators;
        this.keyGroupCount = keyGroupCount;
        this.keyGroups = keyGroups;
    }

    /** Each run of rows between two watermarks comes as full pages. */
    public Outcome run(List<Event> events) throws Exception {
        return new Run(events, null).toEnd();
    }

    /** Each row comes in a page of its own, as it does at a trickle. */
    public Outcome runRowByRow(List<Event> events) throws Exception {
        Run run = new Run(events, null);
        run.rowsPerPage = 1;
        return run.toEnd();
    }

    public Outcome runAdversely(List<Event> events, long seed) throws Exception {
        return new Run(events, new Random(seed)).toEnd();
    }

    /** The state of one run. Without a random source there is no adversity. */
    private final class Run {
        private final List<Event> events;
        private final @Nullable Random random;
        private final RecordingOutput output;
        private final MemoryBudget budget;
        private final OperatorMetrics metrics = new OperatorMetrics();
        private final RowCursor cursor = new RowCursor();
        private final RowCursor scratch = new RowCursor();
        private final Snapshots snapshots = new Snapshots();
        private int rowsPerPage = Integer.MAX_VALUE;
        private final List<Event> given = new ArrayList<>();
        private final List<byte[]> observations = new ArrayList<>();
        private long lateCount;
        private int givenRows;
        private Operator operator;
        private long epoch = 1;
        private long timeMillis;
        private long watermarkMicros = Long.MIN_VALUE;

        Run(List<Event> events, @Nullable Random random) throws Exception {
            this.events = events;
            this.random = random;
            this.budget = random == null ? new MemoryBudget(Long.MAX_VALUE) : Spilling.budgetInOneOf(4, random);
            this.output = new RecordingOutput(random != null);
            this.operator = open();
        }

        private Operator open() throws Exception {
            Operator opened = operators.get();
            opened.open(new OperatorContext(
                    0,
                    1,
                    keyGroupCount,
                    budget,
                    metrics,
                    () -> timeMillis,
                    () -> TimeUnit.MILLISECONDS.toNanos(timeMillis),
                    this::late,
                    epoch));
            if (opened instanceof PassThrough passThrough) {
                passThrough.inputPartitions(IntStream.range(0, partitionCount())
                        .mapToObj("partition %d"::formatted)
                        .toList());
            }
            return opened;
        }

        private void late(Side side, RowView row, long eventTimeMicros, long lateBehindMicros) {
            assertThat(eventTimeMicros).isLessThanOrEqualTo(lateBehindMicros);
            assertThat(row.sizeBytes()).isPositive();
            lateCount++;
        }

        private int partitionCount() {
            return events.stream()
                            .flatMapToInt(event -> event instanceof Event.Row row
                                    ? IntStream.of(row.inputPartition())
                                    : IntStream.empty())
                            .max()
                            .orElse(0)
                    + 1;
        }

        Outcome toEnd() throws Exception {
            int at = 0;
            wakeUp();
            while (at < events.size()) {
                if (events.get(at) instanceof Event.Watermark watermark) {
                    repeat(() -> operator.watermark(watermark.micros(), output));
                    giveRows();
                    giveWatermark(operator.outputWatermark(watermark.micros()));
                    at++;
                } else if (events.get(at) instanceof Event.Barrier) {
                    barrier();
                    at++;
                } else if (events.get(at) instanceof Event.Time time) {
                    timeMillis = time.millis();
                    at++;
                } else {
                    at = takePage(at);
                    giveRows();
                    if (operator instanceof PassThrough) {
                        giveWatermark(operator.outputWatermark(Long.MIN_VALUE));
                    }
                }
                wakeUp();
                if (random != null && random.nextInt(4) == 0) {
                    restoreFromSnapshot();
                    wakeUp();
                }
            }
            operator.close();
            assertThat(budget.usedBytes()).as("memory not given back").isZero();
            assertThat(lateCount).as("late rows given").isEqualTo(metrics.rowsDroppedByWatermark());
            return new Outcome(output.rows(), given, observations, watermarkMicros, metrics);
        }

        /** Takes down the rows that are new in the output. */
        private void giveRows() {
            for (; givenRows < output.rows().size(); givenRows++) {
                given.add(Event.row(output.rows().get(givenRows)));
            }
        }

        private void giveWatermark(long micros) {
            if (micros > watermarkMicros) {
                watermarkMicros = micros;
                given.add(Event.watermark(micros));
            }
        }

        private void barrier() throws Exception {
            long ended = epoch++;
            repeat(() -> operator.barrier(ended, output));
            giveRows();
            given.add(Event.barrier(ended));
            byte[] observation = operator.takeObservation();
            if (observation != null) {
                observations.add(observation);
            }
        }

        private void wakeUp() throws Exception {
            int calls = 0;
            while (operator.wakeUpMillis() <= timeMillis) {
                repeat(() -> operator.wakeUp(output));
                assertThat(++calls).as("wake-ups without an end").isLessThan(CALLS_WITHOUT_END);
            }
        }

        private int takePage(int from) throws Exception {
            Page page = new Page();
            int limit = random == null ? rowsPerPage : 1 + random.nextInt(random.nextBoolean() ? 4 : 200);
            Event.Row first = (Event.Row) events.get(from);
            int partition = first.inputPartition();
            int at = from;
            while (at < events.size()
                    && events.get(at) instanceof Event.Row row
                    && row.inputPartition() == partition
                    && row.side() == first.side()
                    && page.rowCount() < limit
                    && page.hasRoomFor(row.view().sizeBytes())) {
                append(page, row.view());
                at++;
            }
            cursor.inputPartition(partition);
            scratch.inputPartition(partition);
            cursor.side(first.side());
            hand(page);
            if (random != null) {
                Arrays.fill(page.bytes(), (byte) 0xA5);
            }
            return at;
        }

        private void append(Page page, RowView row) {
            int keyGroup = keyGroups.keyGroup(row.bytes(), row.offset(), row.sizeBytes());
            page.append(row.bytes(), row.offset(), row.sizeBytes(), keyGroup, System.nanoTime());
        }

        private void hand(Page page) throws Exception {
            cursor.pointTo(page);
            if (operator instanceof PassThrough passThrough) {
                passThrough.observe(scratch.pointTo(page));
                RowView row = new RowView();
                for (; cursor.hasRow(); cursor.advance()) {
                    cursor.row(row);
                    output.rows().add(row.toBytes());
                }
                return;
            }
            repeat(() -> operator.process(cursor, output));
            assertThat(cursor.hasRow()).as("rows left behind").isFalse();
        }

        private void restoreFromSnapshot() throws Exception {
            barrier();
            snapshots.take(operator);
            operator.close();
            assertThat(budget.usedBytes()).as("memory not given back").isZero();
            operator = open();
            Snapshots.restore(operator, snapshots.shuffled(Objects.requireNonNull(random)));
        }

        private void repeat(Step step) throws Exception {
            int calls = 0;
            while (!step.take()) {
                assertThat(++calls).as("calls without an end").isLessThan(CALLS_WITHOUT_END);
            }
        }
    }

    /** A call that is repeated until it is true. */
    @FunctionalInterface
    private interface Step {
        boolean take() throws Exception;
    }
}
