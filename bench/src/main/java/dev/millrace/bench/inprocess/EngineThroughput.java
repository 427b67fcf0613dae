package dev.millrace.bench.inprocess;

import dev.millrace.engine.graph.Dataflow;
import dev.millrace.engine.graph.DataflowSettings;
import dev.millrace.engine.graph.Exchange;
import dev.millrace.engine.graph.StageBody;
import dev.millrace.engine.graph.StreamGraph;
import dev.millrace.engine.operator.Emission;
import dev.millrace.engine.operator.KeyedAggregateFactory;
import dev.millrace.engine.page.RowCursor;
import dev.millrace.engine.sink.Sink;
import dev.millrace.engine.sink.SinkWriter;
import dev.millrace.engine.state.MemoryBudget;
import dev.millrace.engine.task.TaskScope;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** The engine alone: a generator, a hash exchange, a keyed count, sum and max, and a sink that drops rows. */
final class EngineThroughput {
    private static final int LOOPS = 2;
    private static final int KEY_GROUPS = 8;
    private static final long EPOCH_NANOS = TimeUnit.SECONDS.toNanos(1);

    private EngineThroughput() {}

    /** Rows a second that the generator could give away, which is what came through. */
    static double measure(ThroughputOptions options) throws InterruptedException {
        DataflowSettings settings = new DataflowSettings(
                "throughput",
                LOOPS,
                KEY_GROUPS,
                0,
                new MemoryBudget(Long.MAX_VALUE / 2),
                null,
                System::currentTimeMillis);
        try (Dataflow dataflow =
                Dataflow.create(graph(options.keyCount()), settings, (name, index, count) -> TaskScope.PLAIN)) {
            dataflow.start();
            runEpochs(dataflow, options.warmUpSeconds());
            long startNanos = System.nanoTime();
            long before = rowsRead(dataflow);
            runEpochs(dataflow, options.seconds());
            return (rowsRead(dataflow) - before) / ((System.nanoTime() - startNanos) / 1e9);
        }
    }

    private static StreamGraph graph(int keyCount) {
        StreamGraph.Builder builder = StreamGraph.builder();
        int source = builder.add(
                "generator", List.of(), new StageBody.Reading(new GeneratorSource(LOOPS, keyCount), List.of()));
        Exchange byKey = new Exchange.Hash(
                "key", () -> (bytes, offset, size) -> (int) ((long) CountSumMax.LONG.get(bytes, offset) % KEY_GROUPS));
        int aggregate = builder.add(
                "aggregate",
                List.of(new StreamGraph.Input(source, byKey)),
                new StageBody.Operating(
                        List.of(new KeyedAggregateFactory(CountSumMax::new, "aggregate", Emission.PER_PAGE))));
        builder.add(
                "nothing",
                List.of(new StreamGraph.Input(aggregate, new Exchange.Forward())),
                new StageBody.Writing(new Nothing()));
        return builder.build();
    }

    private static void runEpochs(Dataflow dataflow, int seconds) throws InterruptedException {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(seconds);
        while (System.nanoTime() < end) {
            dataflow.epochs().requestBarrier();
            long epochEnd = Math.min(end, System.nanoTime() + EPOCH_NANOS);
            for (long left = epochEnd - System.nanoTime(); left > 0; left = epochEnd - System.nanoTime()) {
                // Epochs that end meanwhile need nothing here.
                var unused = dataflow.epochs().await(left);
            }
        }
    }

    private static long rowsRead(Dataflow dataflow) {
        return dataflow.metrics().rowsRead().values().stream()
                .mapToLong(Long::longValue)
                .sum();
    }

    /** Drops rows. */
    private static final class Nothing implements Sink {
        @Override
        public String name() {
            return "nothing";
        }

        @Override
        public SinkWriter writer(int taskIndex, int taskCount) {
            return new SinkWriter() {
                @Override
                public void open(long epoch) {}

                @Override
                public void write(RowCursor rows) {
                    rows.skipAll();
                }

                @Override
                public @Nullable Object prepare(long epoch) {
                    return null;
                }
            };
        }
    }
}
