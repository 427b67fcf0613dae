package dev.millrace.engine.graph;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.engine.epoch.CompletedEpoch;
import dev.millrace.engine.exchange.KeyGroupFunction;
import dev.millrace.engine.graph.CollectingSink.Pair;
import dev.millrace.engine.harness.Seeds;
import dev.millrace.engine.operator.Operator;
import dev.millrace.engine.operator.OperatorFactory;
import dev.millrace.engine.operator.Output;
import dev.millrace.engine.operator.WatermarkAssignerFactory;
import dev.millrace.engine.page.RowCursor;
import dev.millrace.engine.page.RowView;
import dev.millrace.engine.state.MemoryBudget;
import dev.millrace.engine.task.Step;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/**
 * Runs whole dataflows of random shape, on one worker or several, under one thread, with steps in a random order that follows
 * from a seed, and checks what must always hold: no row is lost or repeated, rows of one key from one
 * partition keep their order, an epoch holds exactly the rows before its barriers, and no watermark overtakes a row that it makes late.
 *
 * <p>Many more seeds than the build runs: {@code bin/simulate}.
 */
class DataflowSimulation {
    private static final int SEEDS = 1000;
    private static final int KEY_GROUPS = 7;

    @Test
    void keepsEveryRowInItsEpochWhateverTheSchedule() {
        Seeds.simulate(SEEDS, DataflowSimulation::run);
    }

    /** One run of a seed. */
    static void run(long seed) throws Exception {
        new Run(seed).check();
    }

    /** Gives each row several times, so that outputs fill up in the middle of a row. */
    private static final class Repeat implements Operator {
        private final int times;
        private final RowView row = new RowView();
        private int given;

        Repeat(int times) {
            this.times = times;
        }

        @Override
        public boolean process(RowCursor rows, Output output) {
            for (; rows.hasRow(); rows.advance()) {
                rows.row(row);
                for (; given < times; given++) {
                    if (output.isFull()) {
                        return false;
                    }
                    output.emit(row.bytes(), row.offset(), row.sizeBytes());
                }
                given = 0;
            }
            return true;
        }
    }

    /** Copies rows, which carry their number as event time, and knows that none may be late. */
    private static final class NeverLate implements Operator {
        private final RowView row = new RowView();
        private long watermark = Long.MIN_VALUE;

        @Override
        public boolean process(RowCursor rows, Output output) {
            for (; rows.hasRow(); rows.advance()) {
                if (output.isFull()) {
                    return false;
                }
                rows.row(row);
                assertThat(NumberSource.longAt(row.bytes(), row.offset() + 8)).isGreaterThan(watermark);
                output.emit(row.bytes(), row.offset(), row.sizeBytes());
            }
            return true;
        }

        @Override
        public boolean watermark(long micros, Output output) {
            assertThat(micros).isGreaterThan(watermark);
            watermark = micros;
            return true;
        }
    }

    private static OperatorFactory factory(java.util.function.Supplier<Operator> maker) {
        return new OperatorFactory() {
            @Override
            public Operator create() {
                return maker.get();
            }

            @Override
            public String name() {
                return "test";
            }
        };
    }

    private static final class Run {
        private final Random random;
        private final List<Integer> readingStages = new ArrayList<>();
        private final Map<Integer, Integer> repeatsOfReading = new HashMap<>();
        private final CollectingSink sink = new CollectingSink();
        private final int partitions;
        private final long rowsPerPartition;
        private final int keys;
        private final int taskCount;
        private final SimulatedWorkers workers;
        private final boolean isAlone;
        private long nanos;
        private int repeat = 1;
        private boolean hasSeveralWays;

        Run(long seed) {
            random = new Random(seed);
            partitions = 1 + random.nextInt(4);
            rowsPerPartition = random.nextInt(100);
            keys = 1 + random.nextInt(20);
            Placement first = SimulatedWorkers.placement(random, 1 + random.nextInt(3));
            taskCount = first.taskCount();
            isAlone = first.workerCount() == 1;
            workers = new SimulatedWorkers(
                    graph(),
                    "sim-0",
                    first,
                    placement -> new DataflowSettings(
                            "sim", placement, KEY_GROUPS, 5, new MemoryBudget(1 << 20), null, () -> nanos / 1_000_000),
                    () -> nanos,
                    random);
        }

        private StreamGraph graph() {
            StreamGraph.Builder builder = StreamGraph.builder();
            List<StreamGraph.Input> inputs = random.nextInt(4) == 0 ? united(builder) : severally(builder);
            int hops = random.nextInt(3);
            int last = -1;
            for (int h = 0; h < hops; h++) {
                last = builder.add("hop " + h, inputs, new StageBody.Operating(List.of(factory(NeverLate::new))));
                inputs = List.of(new StreamGraph.Input(last, exchange()));
            }
            builder.add("sink", inputs, new StageBody.Writing(sink));
            return builder.build();
        }

        /** Each source with its watermark, found where it is read or by all who use it behind that. */
        private List<StreamGraph.Input> severally(StreamGraph.Builder builder) {
            List<StreamGraph.Input> inputs = new ArrayList<>();
            int sources = 1 + random.nextInt(2);
            for (int s = 0; s < sources; s++) {
                int uses = random.nextInt(3);
                int stage = read(builder, uses == 0 ? chain() : List.of());
                repeatsOfReading.put(stage, uses == 0 ? repeat : 0);
                hasSeveralWays |= s > 0 || uses > 1;
                if (uses == 0) {
                    repeat = 1;
                    inputs.add(new StreamGraph.Input(stage, exchange()));
                }
                for (int u = 0; u < uses; u++) {
                    int use = builder.add("use " + u, List.of(forward(stage)), new StageBody.Operating(chain()));
                    repeatsOfReading.merge(stage, repeat, Integer::sum);
                    repeat = 1;
                    inputs.add(new StreamGraph.Input(use, exchange()));
                }
            }
            return inputs;
        }

        /** Sources whose union has one watermark; a source may be part of it twice. */
        private List<StreamGraph.Input> united(StreamGraph.Builder builder) {
            List<StreamGraph.Input> parts = new ArrayList<>();
            int sources = 1 + random.nextInt(2);
            for (int s = 0; s < sources; s++) {
                int stage = read(builder, List.of());
                parts.add(forward(stage));
                repeatsOfReading.put(stage, 1);
                if (random.nextBoolean()) {
                    int between = builder.add("pass", List.of(forward(stage)), new StageBody.Operating(List.of()));
                    parts.add(forward(between));
                    repeatsOfReading.put(stage, 2);
                }
            }
            hasSeveralWays = parts.size() > 1;
            int union = builder.add("union", parts, new StageBody.Operating(chain()));
            repeatsOfReading.replaceAll((stage, uses) -> uses * repeat);
            return List.of(new StreamGraph.Input(union, exchange()));
        }

        private int read(StreamGraph.Builder builder, List<OperatorFactory> chain) {
            NumberSource source = new NumberSource(partitions, rowsPerPartition, keys, () -> random.nextInt(4) == 0);
            int stage = builder.add("source", List.of(), new StageBody.Reading(source, chain));
            readingStages.add(stage);
            return stage;
        }

        private static StreamGraph.Input forward(int stage) {
            return new StreamGraph.Input(stage, new Exchange.Forward());
        }

        private List<OperatorFactory> chain() {
            List<OperatorFactory> chain = new ArrayList<>();
            int length = random.nextInt(3);
            for (int i = 0; i < length; i++) {
                int times = random.nextInt(8) == 0 && repeat == 1 ? 3000 : 1 + random.nextInt(3);
                times = repeat > 100 ? 1 : times;
                int each = times;
                repeat *= times;
                chain.add(factory(() -> new Repeat(each)));
            }
            // Repeated rows would be late behind their own watermark; so it is taken from what comes in.
            chain.add(
                    0,
                    new WatermarkAssignerFactory(
                            () -> (bytes, offset, size) -> NumberSource.longAt(bytes, offset + 8) - 1,
                            "watermark",
                            0,
                            Long.MAX_VALUE));
            return chain;
        }

        private Exchange exchange() {
            KeyGroupFunction byKey = (bytes, offset, size) -> (int) (NumberSource.longAt(bytes, offset) % KEY_GROUPS);
            return switch (random.nextInt(3)) {
                case 0 -> new Exchange.Forward();
                case 1 -> new Exchange.Single();
                default -> new Exchange.Hash("key", () -> byKey);
            };
        }

        void check() throws Exception {
            List<Step> steps = workers.steps();
            for (Step step : steps) {
                step.open();
            }
            Map<Integer, long[]> before = new HashMap<>();
            readingStages.forEach(stage -> before.put(stage, new long[partitions]));
            long total = readingStages.size() * partitions * rowsPerPartition;
            long expectedEpoch = 5;
            long seen = 0;
            for (int turn = 0; seen < total || workers.coordinator().inFlight() > 0; turn++) {
                if (turn > 50_000_000) {
                    throw new AssertionError("a run that goes on forever: rows seen=" + seen + ", total=" + total);
                }
                steps.get(random.nextInt(steps.size())).step();
                workers.deliver();
                nanos += random.nextInt(1_000_000);
                if (random.nextInt(200) == 0) {
                    workers.coordinator().requestBarrier();
                }
                CompletedEpoch epoch = turn % 16 == 0 ? workers.coordinator().await(0) : null;
                if (epoch != null) {
                    assertThat(epoch.epoch()).isEqualTo(expectedEpoch++);
                    seen += checkEpoch(epoch, before);
                }
            }
            for (Step step : steps) {
                step.close();
            }
            workers.close();
            assertThat(sink.all).hasSize((int) expectedRows());
            if (isAlone && rowsPerPartition > 0 && taskCount <= partitions) {
                assertThat(workers.watermarkMicros()).isEqualTo(rowsPerPartition - 2);
            }
        }

        private long expectedRows() {
            return readingStages.stream()
                    .mapToLong(stage -> repeatsOfReading.get(stage) * partitions * rowsPerPartition)
                    .sum();
        }

        /** The epoch's rows are those between the positions before and after, each as often as the chain repeats it. */
        private long checkEpoch(CompletedEpoch epoch, Map<Integer, long[]> before) {
            Map<Pair, Long> expected = new HashMap<>();
            long read = 0;
            for (int stage : readingStages) {
                long[] from = before.get(stage);
                List<Object> to = epoch.positions().get(stage);
                for (int p = 0; p < partitions; p++) {
                    for (long n = from[p]; n < (long) to.get(p); n++) {
                        expected.merge(new Pair(n % keys, n), (long) repeatsOfReading.get(stage), Long::sum);
                        read++;
                    }
                    from[p] = (long) to.get(p);
                }
            }
            Map<Pair, Long> written = new HashMap<>();
            epoch.messages().values().forEach(messages -> messages.forEach(message -> count(message, written)));
            assertThat(written).isEqualTo(expected);
            assertThat(epoch.rowsRead().values().stream()
                            .mapToLong(Long::longValue)
                            .sum())
                    .isEqualTo(read);
            assertOrder(epoch);
            return read;
        }

        @SuppressWarnings("unchecked")
        private static void count(@Nullable Object message, Map<Pair, Long> written) {
            ((List<Pair>) java.util.Objects.requireNonNull(message)).forEach(row -> written.merge(row, 1L, Long::sum));
        }

        /** With one partition, one source and one way to the sink the numbers of a key never go back within a task. */
        @SuppressWarnings("unchecked")
        private void assertOrder(CompletedEpoch epoch) {
            if (partitions > 1 || hasSeveralWays) {
                return;
            }
            for (List<@Nullable Object> messages : epoch.messages().values()) {
                for (Object message : messages) {
                    Map<Long, Long> last = new HashMap<>();
                    for (Pair pair : (List<Pair>) java.util.Objects.requireNonNull(message)) {
                        assertThat(pair.number()).isGreaterThanOrEqualTo(last.getOrDefault(pair.key(), -1L));
                        last.put(pair.key(), pair.number());
                    }
                }
            }
        }
    }
}
