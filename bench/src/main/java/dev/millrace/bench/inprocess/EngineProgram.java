package dev.millrace.bench.inprocess;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.millrace.bench.workload.Arguments;
import dev.millrace.bench.workload.ThroughputSampler;
import dev.millrace.bench.workload.Workload;
import dev.millrace.bench.workload.Workloads;
import dev.millrace.engine.graph.Dataflow;
import dev.millrace.engine.graph.DataflowSettings;
import dev.millrace.engine.graph.Exchange;
import dev.millrace.engine.graph.LocalDataflow;
import dev.millrace.engine.graph.Placement;
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
public final class EngineProgram {
    private static final int KEY_GROUPS = 8;
    private static final long EPOCH_NANOS = TimeUnit.SECONDS.toNanos(10);

    private EngineProgram() {}

    /** Arguments as in {@link InProcessTurn}. */
    public static void main(String[] words) throws InterruptedException {
        Arguments arguments = Arguments.parse(words);
        Workload workload = Workloads.of(arguments.text("work"));
        if (!workload.table().equals("longs") || !workload.updates()) {
            System.out.println("failed its expressions are written by hand, for counts over longs only");
            System.exit(0);
        }
        System.out.println("result " + measure(workload.keyCount(), arguments));
        System.exit(0);
    }

    private static ObjectNode measure(int keyCount, Arguments arguments) throws InterruptedException {
        int loops = arguments.whole("cores");
        DataflowSettings settings = new DataflowSettings(
                "throughput",
                Placement.alone(loops),
                KEY_GROUPS,
                0,
                new MemoryBudget(Long.MAX_VALUE / 2),
                null,
                System::currentTimeMillis);
        try (Dataflow dataflow =
                LocalDataflow.create(graph(keyCount, loops), settings, (name, index, count) -> TaskScope.PLAIN)) {
            dataflow.start();
            Thread epochs = new Thread(() -> runEpochs(dataflow), "epochs");
            epochs.setDaemon(true);
            epochs.start();
            ThroughputSampler.Sample sample = ThroughputSampler.sample(
                    arguments.whole("warmUpSeconds"), arguments.whole("seconds"), epochs::isAlive);
            epochs.interrupt();
            epochs.join();
            ObjectNode result = new ObjectMapper().createObjectNode().put("rowsPerSecond", sample.rowsPerSecond());
            result.set("perSecond", new ObjectMapper().valueToTree(sample.perSecond()));
            result.putObject("settings").put("loops", Integer.toString(loops)).put("epoch", "10 seconds");
            return result;
        }
    }

    private static StreamGraph graph(int keyCount, int loops) {
        StreamGraph.Builder builder = StreamGraph.builder();
        int source = builder.add(
                "generator", List.of(), new StageBody.Reading(new GeneratorSource(loops, keyCount), List.of()));
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

    private static void runEpochs(Dataflow dataflow) {
        try {
            while (true) {
                dataflow.epochs().requestBarrier();
                long end = System.nanoTime() + EPOCH_NANOS;
                for (long left = EPOCH_NANOS; left > 0; left = end - System.nanoTime()) {
                    // Epochs that end meanwhile need nothing here.
                    var unused = dataflow.epochs().await(left);
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
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
