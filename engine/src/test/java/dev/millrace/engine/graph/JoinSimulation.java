package dev.millrace.engine.graph;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.engine.epoch.CompletedEpoch;
import dev.millrace.engine.harness.IntervalJoin;
import dev.millrace.engine.harness.IntervalJoin.Interval;
import dev.millrace.engine.harness.KeyedRows;
import dev.millrace.engine.harness.Seeds;
import dev.millrace.engine.harness.Spilling;
import dev.millrace.engine.operator.JoinType;
import dev.millrace.engine.operator.OperatorFactory;
import dev.millrace.engine.operator.StreamJoinFactory;
import dev.millrace.engine.operator.WatermarkAssignerFactory;
import dev.millrace.engine.page.RowCursor;
import dev.millrace.engine.page.RowView;
import dev.millrace.engine.page.Side;
import dev.millrace.engine.sink.PlannedSink;
import dev.millrace.engine.sink.SinkWriter;
import dev.millrace.engine.source.PartitionOutput;
import dev.millrace.engine.source.PlannedSource;
import dev.millrace.engine.source.ReaderFactory;
import dev.millrace.engine.source.Source;
import dev.millrace.engine.source.SourceReader;
import dev.millrace.engine.state.MemoryBudget;
import dev.millrace.engine.task.Step;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/**
 * Runs dataflows around one join under one thread, with steps in a random order that follows from a
 * seed, and checks against nested loops what came out: every match once, whatever the schedule, and
 * every row without a match once the watermarks of both sides allow it. A side is one or two stages, or
 * the same stage as the other side.
 *
 * <p>Many more seeds than the build runs: {@code bin/simulate}.
 */
class JoinSimulation {
    private static final int SEEDS = 500;
    private static final int KEY_GROUPS = 7;

    @Test
    void givesEveryMatchOnceWhateverTheSchedule() throws Exception {
        Seeds.simulate(SEEDS, JoinSimulation::run);
    }

    static void run(long seed) throws Exception {
        new Run(seed).check();
    }

    /** Rows of one partition, their times going up. */
    private record Partition(List<byte[]> rows) {
        long lastTime() {
            return rows.isEmpty() ? Long.MIN_VALUE : IntervalJoin.time(rows.get(rows.size() - 1));
        }
    }

    /** A reading stage. */
    private record Stage(int id, List<Partition> partitions) {
        List<byte[]> rows() {
            return partitions.stream().flatMap(p -> p.rows().stream()).toList();
        }

        /** What its watermark is at the end. */
        long watermark() {
            return partitions.stream().mapToLong(Partition::lastTime).min().orElseThrow();
        }
    }

    private static final class Run {
        private final Random random;
        private final List<Stage> left = new ArrayList<>();
        private final List<Stage> right = new ArrayList<>();
        private final List<byte[]> given = new ArrayList<>();
        private final JoinType type;
        private final Interval interval;
        private final int keyCount;
        private final MemoryBudget budget;
        private final SimulatedWorkers workers;
        private long nanos;

        Run(long seed) {
            random = new Random(seed);
            type = JoinType.values()[random.nextInt(JoinType.values().length)];
            interval = new Interval(random.nextInt(40), random.nextInt(40));
            keyCount = 1 + random.nextInt(20);
            StreamGraph graph = graph();
            budget = Spilling.budgetInOneOf(6, random);
            workers = new SimulatedWorkers(
                    graph,
                    "sim-0",
                    SimulatedWorkers.placement(random, 1 + random.nextInt(3)),
                    placement -> new DataflowSettings("sim", placement, KEY_GROUPS, 5, budget, null, () -> 0),
                    () -> nanos,
                    random);
        }

        private StreamGraph graph() {
            StreamGraph.Builder builder = StreamGraph.builder();
            addStages(builder, left);
            if (random.nextInt(4) == 0) {
                right.addAll(left);
            } else {
                addStages(builder, right);
            }
            List<StreamGraph.Input> inputs = new ArrayList<>();
            left.forEach(stage -> inputs.add(new StreamGraph.Input(stage.id(), exchange())));
            right.forEach(stage -> inputs.add(new StreamGraph.Input(stage.id(), exchange()).on(Side.RIGHT)));
            OperatorFactory join = new StreamJoinFactory(task -> new IntervalJoin(interval), type, "join", 0);
            int stage = builder.add("join", inputs, new StageBody.Operating(List.of(join)));
            builder.add(
                    "sink",
                    List.of(new StreamGraph.Input(stage, new Exchange.Forward())),
                    new StageBody.Writing(new Given()));
            return builder.build();
        }

        private void addStages(StreamGraph.Builder builder, List<Stage> side) {
            for (int s = 1 + random.nextInt(2); s > 0; s--) {
                List<Partition> partitions = new ArrayList<>();
                for (int p = 1 + random.nextInt(3); p > 0; p--) {
                    partitions.add(partition());
                }
                OperatorFactory watermark = new WatermarkAssignerFactory(
                        () -> (bytes, offset, size) -> NumberSource.longAt(bytes, offset + 8),
                        "watermark",
                        0,
                        Long.MAX_VALUE);
                int id =
                        builder.add("source", List.of(), new StageBody.Reading(source(partitions), List.of(watermark)));
                side.add(new Stage(id, partitions));
            }
        }

        private Partition partition() {
            List<byte[]> rows = new ArrayList<>();
            long time = 0;
            for (int i = random.nextInt(80); i > 0; i--) {
                time += 1 + random.nextInt(3);
                long key = random.nextInt(20) == 0 ? IntervalJoin.NULL_KEY : random.nextInt(keyCount);
                rows.add(IntervalJoin.row(key, time, random.nextInt(50), random.nextInt(3) * 8));
            }
            return new Partition(rows);
        }

        private static Exchange exchange() {
            return new Exchange.Hash(
                    "key",
                    () -> (bytes, offset, size) ->
                            (int) Math.floorMod(NumberSource.longAt(bytes, offset), (long) KEY_GROUPS));
        }

        private Source source(List<Partition> partitions) {
            List<ReaderFactory> readers = new ArrayList<>();
            partitions.forEach(partition -> readers.add(() -> new Reader(partition.rows())));
            return PlannedSource.flowing("rows", readers);
        }

        private final class Reader implements SourceReader {
            private final List<byte[]> rows;
            private final RowView row = new RowView();
            private List<PartitionOutput> outputs = List.of();
            private int given;

            Reader(List<byte[]> rows) {
                this.rows = rows;
            }

            @Override
            public void open(List<PartitionOutput> opened) {
                outputs = opened;
                outputs.get(0).publish(given);
            }

            @Override
            public boolean read() {
                PartitionOutput output = outputs.get(0);
                int before = given;
                while (given < rows.size() && random.nextInt(4) > 0 && append(output, rows.get(given))) {
                    given++;
                }
                output.publish(given);
                return given > before;
            }

            private boolean append(PartitionOutput output, byte[] bytes) {
                return output.append(row.pointTo(bytes, 0, bytes.length));
            }
        }

        private final class Given implements PlannedSink {
            @Override
            public String name() {
                return "given";
            }

            @Override
            public SinkWriter writer(int taskIndex, int taskCount) {
                return new SinkWriter() {
                    private final RowView row = new RowView();

                    @Override
                    public void open(long epoch) {}

                    @Override
                    public void write(RowCursor rows) {
                        for (; rows.hasRow(); rows.advance()) {
                            given.add(rows.row(row).toBytes());
                        }
                    }

                    @Override
                    public Object prepare(long epoch) {
                        return epoch;
                    }
                };
            }
        }

        void check() throws Exception {
            List<Step> steps = workers.steps();
            for (Step step : steps) {
                step.open();
            }
            long total =
                    allStages().stream().mapToLong(stage -> stage.rows().size()).sum();
            runUntilRead(steps, total);
            settle(steps);
            for (Step step : steps) {
                step.close();
            }
            assertThat(budget.usedBytes()).as("memory not given back").isZero();
            assertThat(given.stream().map(KeyedRows::hex)).containsExactlyInAnyOrderElementsOf(expected());
        }

        private List<Stage> allStages() {
            List<Stage> all = new ArrayList<>(left);
            right.stream().filter(stage -> !left.contains(stage)).forEach(all::add);
            return all;
        }

        private void runUntilRead(List<Step> steps, long total) throws Exception {
            long read = 0;
            for (int turn = 0; read < total || workers.coordinator().inFlight() > 0; turn++) {
                assertThat(turn).as("a run that goes on forever").isLessThan(50_000_000);
                steps.get(random.nextInt(steps.size())).step();
                workers.deliver();
                nanos += random.nextInt(1_000_000);
                if (random.nextInt(200) == 0) {
                    workers.coordinator().requestBarrier();
                }
                CompletedEpoch epoch = turn % 16 == 0 ? workers.coordinator().await(0) : null;
                if (epoch != null) {
                    read += epoch.rowsRead().values().stream()
                            .mapToLong(Long::longValue)
                            .sum();
                }
            }
        }

        /** Lets the last watermarks through: until nobody has anything to do, however late it becomes. */
        private void settle(List<Step> steps) throws Exception {
            int quietRounds = 0;
            while (quietRounds < 3) {
                boolean progress = workers.deliverAll();
                for (Step step : steps) {
                    progress |= step.step();
                }
                nanos += 10_000_000;
                quietRounds = progress ? 0 : quietRounds + 1;
            }
        }

        private long watermark() {
            return allStages().stream().mapToLong(Stage::watermark).min().orElseThrow();
        }

        private List<String> expected() {
            IntervalJoin join = new IntervalJoin(interval);
            List<byte[]> lefts = left.stream().flatMap(s -> s.rows().stream()).toList();
            List<byte[]> rights = right.stream().flatMap(s -> s.rows().stream()).toList();
            List<String> rows = new ArrayList<>();
            for (byte[] row : lefts) {
                List<byte[]> matches = rights.stream()
                        .filter(other -> join.isMatch(row, other))
                        .toList();
                if (type == JoinType.LEFT_SEMI) {
                    matches.stream().limit(1).forEach(other -> rows.add(KeyedRows.hex(row)));
                    continue;
                }
                matches.forEach(other -> rows.add(KeyedRows.hex(IntervalJoin.result(row, other))));
                if (matches.isEmpty() && isGivenUnmatched(join, Side.LEFT, row)) {
                    rows.add(KeyedRows.hex(IntervalJoin.result(row, new byte[0])));
                }
            }
            for (byte[] row : rights) {
                if (lefts.stream().noneMatch(other -> join.isMatch(other, row))
                        && isGivenUnmatched(join, Side.RIGHT, row)) {
                    rows.add(KeyedRows.hex(IntervalJoin.result(new byte[0], row)));
                }
            }
            return rows;
        }

        private boolean isGivenUnmatched(IntervalJoin join, Side side, byte[] bytes) {
            RowView row = new RowView().pointTo(bytes, 0, bytes.length);
            return type.keepsUnmatched(side)
                    && (!join.mayMatch(side, row) || join.expiryMicros(side, row, row) <= watermark());
        }
    }
}
