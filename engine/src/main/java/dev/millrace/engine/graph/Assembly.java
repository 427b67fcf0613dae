package dev.millrace.engine.graph;

import dev.millrace.engine.epoch.BarrierTargets;
import dev.millrace.engine.epoch.EpochCoordinator;
import dev.millrace.engine.epoch.EpochShape;
import dev.millrace.engine.exchange.Channel;
import dev.millrace.engine.exchange.Signal;
import dev.millrace.engine.metrics.OperatorMetrics;
import dev.millrace.engine.metrics.RowCount;
import dev.millrace.engine.metrics.TaskMetrics;
import dev.millrace.engine.operator.Operator;
import dev.millrace.engine.operator.OperatorContext;
import dev.millrace.engine.operator.OperatorFactory;
import dev.millrace.engine.operator.PortionEventTimes;
import dev.millrace.engine.page.Side;
import dev.millrace.engine.source.Source;
import dev.millrace.engine.source.SourceQueue;
import dev.millrace.engine.source.SourceReader;
import dev.millrace.engine.task.BarrierTarget;
import dev.millrace.engine.task.Inbox;
import dev.millrace.engine.task.LateOutput;
import dev.millrace.engine.task.MergedWatermark;
import dev.millrace.engine.task.OperatingTask;
import dev.millrace.engine.task.OutputEdge;
import dev.millrace.engine.task.PullingTask;
import dev.millrace.engine.task.ReaderStep;
import dev.millrace.engine.task.ReadingTask;
import dev.millrace.engine.task.Router;
import dev.millrace.engine.task.SnapshotTask;
import dev.millrace.engine.task.TaskParts;
import dev.millrace.engine.task.TaskPlace;
import dev.millrace.engine.task.WritingTask;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Makes the tasks and channels of a graph, and says which of them share a loop: task <em>i</em> of
 * every stage sits on compute loop <em>i</em>; a reader, a writer and a pulled fragment have one each.
 * Starts nothing.
 *
 * <p>Thread: one.
 */
final class Assembly {
    private final StreamGraph graph;
    private final DataflowSettings settings;
    private final LongSupplier nanoClock;
    private final List<LoopPlan> computeLoops = new ArrayList<>();
    private final List<LoopPlan> ownLoops = new ArrayList<>();
    private final Map<Integer, List<SourceReader>> readers = new HashMap<>();
    private final Map<Integer, List<BarrierTarget>> readingTasks = new HashMap<>();
    private final Counters counters;
    private final WatermarkOrigins watermarkOrigins;
    private final InputPartitions inputPartitions;
    private final EpochCoordinator coordinator;
    private final TaskParts.State state;

    /** For each stage and task: where it is woken. */
    private final Map<Integer, List<LoopPlan>> loopsOfStage = new HashMap<>();

    /** For each consuming stage and task: its input channels, in the order of the stage's inputs. */
    private final Map<Integer, List<List<Channel>>> inputs = new HashMap<>();

    /** For each producing stage and task: its output edges. */
    private final Map<Integer, List<List<OutputEdge>>> outputs = new HashMap<>();

    /** The same for rows that its operators drop as late. */
    private final Map<Integer, List<List<OutputEdge>>> lateOutputs = new HashMap<>();

    Assembly(StreamGraph graph, DataflowSettings settings, LongSupplier nanoClock) {
        this.graph = graph;
        this.settings = settings;
        this.nanoClock = nanoClock;
        this.counters = new Counters(graph);
        for (int i = 0; i < settings.taskCount(); i++) {
            computeLoops.add(LoopPlan.of("millrace-%s-loop-%d".formatted(settings.name(), i), i, false));
        }
        for (StreamGraph.Stage stage : graph.stages()) {
            if (stage.body() instanceof StageBody.Reading reading) {
                readers.put(stage.id(), List.copyOf(reading.source().readers()));
            }
        }
        watermarkOrigins = new WatermarkOrigins(graph);
        inputPartitions = new InputPartitions(graph, readPartitions(), settings.taskCount());
        coordinator = new EpochCoordinator(shape(), settings.firstEpoch());
        state = state();
        graph.stages().forEach(this::placeStage);
        graph.stages().forEach(this::connect);
        graph.stages().forEach(this::makeTasks);
        coordinator.barrierTargets(barrierTargets());
    }

    /** A source that ends epochs itself, among those that are asked for barriers. */
    private record PortionedSource(Source source) implements BarrierTarget {
        @Override
        public void requestBarrier(long epoch) {
            source.endEpoch(epoch);
        }

        @Override
        public void requestLastBarrier(long epoch) {
            source.endEpoch(epoch);
        }
    }

    private BarrierTargets barrierTargets() {
        Set<Integer> portionedStages = new HashSet<>();
        List<BarrierTarget> portioned = new ArrayList<>();
        List<BarrierTarget> others = new ArrayList<>();
        for (StreamGraph.Stage stage : graph.stages()) {
            if (stage.body() instanceof StageBody.Reading reading) {
                boolean isPortioned = reading.source().endsEpochs();
                if (isPortioned) {
                    portionedStages.add(stage.id());
                    portioned.add(new PortionedSource(reading.source()));
                }
                (isPortioned ? portioned : others).addAll(Objects.requireNonNull(readingTasks.get(stage.id())));
            }
        }
        return new BarrierTargets(portionedStages, portioned, portionedStages.size() * settings.taskCount(), others);
    }

    EpochCoordinator coordinator() {
        return coordinator;
    }

    Counters counters() {
        return counters;
    }

    /** All loops, those that produce after those that consume. */
    List<LoopPlan> loops() {
        List<LoopPlan> all = new ArrayList<>(computeLoops);
        all.addAll(ownLoops);
        return all;
    }

    /** For each reading stage the names of the partitions that each of its tasks reads; they are dealt in turn. */
    private Map<Integer, List<List<String>>> readPartitions() {
        Map<Integer, List<List<String>>> readPartitions = new HashMap<>();
        readers.forEach((stage, list) -> {
            List<List<String>> ofTasks = new ArrayList<>();
            for (int i = 0; i < settings.taskCount(); i++) {
                ofTasks.add(new ArrayList<>());
            }
            int partition = 0;
            for (SourceReader reader : list) {
                for (int i = 0; i < reader.partitionCount(); i++) {
                    ofTasks.get(partition++ % ofTasks.size()).add(reader.partitionName(i));
                }
            }
            readPartitions.put(stage, ofTasks);
        });
        return readPartitions;
    }

    private static int partitionCount(List<SourceReader> readers) {
        return readers.stream().mapToInt(SourceReader::partitionCount).sum();
    }

    private EpochShape shape() {
        Map<Integer, Integer> partitionCounts = new HashMap<>();
        readers.forEach((stage, list) -> partitionCounts.put(stage, partitionCount(list)));
        Map<Integer, Integer> writers = new HashMap<>();
        int operating = 0;
        for (StreamGraph.Stage stage : graph.stages()) {
            if (stage.body() instanceof StageBody.Writing) {
                writers.put(stage.id(), settings.taskCount());
            } else if (!(stage.body() instanceof StageBody.Reading)) {
                operating += settings.taskCount();
            }
        }
        int snapshots = settings.durability() == null ? 0 : 1;
        long observing = graph.stages().stream()
                .flatMap(stage -> stage.body().chain().stream())
                .filter(OperatorFactory::observes)
                .count();
        return new EpochShape(
                partitionCounts,
                readers.size() * settings.taskCount(),
                operating,
                writers,
                snapshots,
                (int) observing * settings.taskCount());
    }

    /** All tasks with a chain keep their state by one task of this worker. */
    private TaskParts.State state() {
        Durability durability = settings.durability();
        if (durability == null) {
            return new TaskParts.State(null, null);
        }
        long chains = graph.stages().stream()
                .filter(stage ->
                        stage.body() instanceof StageBody.Reading || stage.body() instanceof StageBody.Operating)
                .count();
        LoopPlan loop = ownLoop("snapshots", 0);
        SnapshotTask task = new SnapshotTask(
                durability.storage(),
                durability.attempt(),
                (int) chains * settings.taskCount(),
                computeLoops.stream().map(LoopPlan::signal).toList(),
                coordinator,
                loop.signal());
        loop.steps().add(task);
        return new TaskParts.State(task, durability.restored());
    }

    private void placeStage(StreamGraph.Stage stage) {
        boolean own = stage.body() instanceof StageBody.Writing || stage.body() instanceof StageBody.Pulling;
        List<LoopPlan> loops = new ArrayList<>();
        List<List<Channel>> in = new ArrayList<>();
        List<List<OutputEdge>> out = new ArrayList<>();
        List<List<OutputEdge>> lateOut = new ArrayList<>();
        for (int i = 0; i < settings.taskCount(); i++) {
            LoopPlan loop = computeLoops.get(i);
            if (own) {
                loop = ownLoop("stage-%d-task-%d".formatted(stage.id(), i), i);
            }
            loops.add(loop);
            in.add(new ArrayList<>());
            out.add(new ArrayList<>());
            lateOut.add(new ArrayList<>());
        }
        loopsOfStage.put(stage.id(), loops);
        inputs.put(stage.id(), in);
        outputs.put(stage.id(), out);
        lateOutputs.put(stage.id(), lateOut);
    }

    private LoopPlan ownLoop(String suffix, int taskIndex) {
        return ownLoop(suffix, taskIndex, new Signal());
    }

    private LoopPlan ownLoop(String suffix, int taskIndex, Signal signal) {
        LoopPlan loop = LoopPlan.of("millrace-%s-%s".formatted(settings.name(), suffix), taskIndex, true, signal);
        ownLoops.add(loop);
        return loop;
    }

    private void connect(StreamGraph.Stage stage) {
        for (int i = 0; i < stage.inputs().size(); i++) {
            StreamGraph.Input input = stage.inputs().get(i);
            List<Channel> all = new ArrayList<>();
            List<RowCount> handedOn = new ArrayList<>();
            for (int producer = 0; producer < settings.taskCount(); producer++) {
                List<Channel> channels = new ArrayList<>();
                for (int consumer : consumers(input.exchange(), producer)) {
                    Channel channel = new Channel(
                            at(loopsOfStage, input.stageId(), producer).signal(),
                            at(loopsOfStage, stage.id(), consumer).signal());
                    at(inputs, stage.id(), consumer).add(channel);
                    channels.add(channel);
                }
                RowCount count = new RowCount();
                at(input.isLate() ? lateOutputs : outputs, input.stageId(), producer)
                        .add(new OutputEdge(
                                router(input.exchange()), channels, inputPartitions.areKeptApart(stage, input), count));
                all.addAll(channels);
                handedOn.add(count);
            }
            counters.exchange(stage.id(), i, all, handedOn);
        }
    }

    /** The tasks that a producing task has a channel to: barriers must reach all, whatever rows do. */
    private List<Integer> consumers(Exchange exchange, int producer) {
        if (exchange instanceof Exchange.Forward) {
            return List.of(producer);
        }
        List<Integer> all = new ArrayList<>();
        for (int i = 0; i < settings.taskCount(); i++) {
            all.add(i);
        }
        return all;
    }

    private Router router(Exchange exchange) {
        if (exchange instanceof Exchange.Hash hash) {
            return Router.hash(hash.functions().get(), settings.keyGroupCount());
        }
        if (exchange instanceof Exchange.Broadcast) {
            return Router.broadcast();
        }
        return exchange instanceof Exchange.Rebalance ? Router.rebalance() : Router.one();
    }

    private void makeTasks(StreamGraph.Stage stage) {
        List<ReadingTask.Inputs> partitions = partitions(stage);
        for (int i = 0; i < settings.taskCount(); i++) {
            TaskPlace place = new TaskPlace(stage.id(), stage.name(), i);
            LoopPlan loop = at(loopsOfStage, stage.id(), i);
            TaskMetrics metrics = counters.task(place, loop.name());
            Inbox inbox = new Inbox(
                    at(inputs, stage.id(), i),
                    leftChannelCount(stage),
                    inputPartitions.ofChannels(stage, i),
                    mergedWatermark(stage));
            if (stage.body() instanceof StageBody.Reading reading) {
                ReadingTask task = new ReadingTask(
                        parts(place, reading.chain()),
                        partitions.get(i),
                        settings.firstEpoch(),
                        loop.signal(),
                        metrics);
                readingTasks
                        .computeIfAbsent(stage.id(), id -> new ArrayList<>())
                        .add(task);
                loop.steps().add(task);
            } else if (stage.body() instanceof StageBody.Operating operating) {
                loop.steps().add(new OperatingTask(parts(place, operating.chain()), inbox, metrics));
            } else if (stage.body() instanceof StageBody.Pulling pulling) {
                loop.steps()
                        .add(new PullingTask(
                                place,
                                pulling.fragment().create(i, settings.taskCount()),
                                inbox,
                                at(outputs, stage.id(), i),
                                coordinator,
                                loop.signal(),
                                metrics));
            } else if (stage.body() instanceof StageBody.Writing writing) {
                loop.steps().add(writingTask(place, writing, inbox, metrics));
            }
        }
    }

    private MergedWatermark mergedWatermark(StreamGraph.Stage stage) {
        int[] groups = watermarkOrigins.groups(stage);
        List<Integer> groupOfChannel = new ArrayList<>();
        for (int i = 0; i < groups.length; i++) {
            for (int channels = channelCount(stage.inputs().get(i)); channels > 0; channels--) {
                groupOfChannel.add(groups[i]);
            }
        }
        return new MergedWatermark(
                groupOfChannel.stream().mapToInt(Integer::intValue).toArray(), graph.watermarkPolicy());
    }

    /** A stage's left inputs come before its right ones. */
    private int leftChannelCount(StreamGraph.Stage stage) {
        return stage.inputs().stream()
                .filter(input -> input.side() == Side.LEFT)
                .mapToInt(this::channelCount)
                .sum();
    }

    /** How many channels an input has to each task of its stage. */
    private int channelCount(StreamGraph.Input input) {
        return input.exchange().channelCount(settings.taskCount());
    }

    private WritingTask writingTask(TaskPlace place, StageBody.Writing writing, Inbox inbox, TaskMetrics metrics) {
        return new WritingTask(
                place,
                inbox,
                writing.sink().writer(place.taskIndex(), settings.taskCount()),
                settings.firstEpoch(),
                coordinator,
                metrics,
                counters.latency());
    }

    /** For each task of a stage the source partitions that it reads; they are dealt in turn. */
    private List<ReadingTask.Inputs> partitions(StreamGraph.Stage stage) {
        List<List<ReadingTask.Input>> ofTasks = new ArrayList<>();
        for (int i = 0; i < settings.taskCount(); i++) {
            ofTasks.add(new ArrayList<>());
        }
        List<SourceReader> all = readers.getOrDefault(stage.id(), List.of());
        int partition = 0;
        for (int r = 0; r < all.size(); r++) {
            SourceReader reader = all.get(r);
            LoopPlan loop = ownLoop(
                    "stage-%d-reader-%d".formatted(stage.id(), r),
                    partition % settings.taskCount(),
                    new Signal(reader::wakeUp));
            List<SourceQueue> queues = new ArrayList<>();
            for (int p = 0; p < reader.partitionCount(); p++, partition++) {
                int task = partition % settings.taskCount();
                SourceQueue queue = new SourceQueue(
                        loop.signal(), at(loopsOfStage, stage.id(), task).signal());
                queues.add(queue);
                counters.partition(
                        stage.id(), partition, task, ofTasks.get(task).size(), queue);
                ofTasks.get(task).add(new ReadingTask.Input(partition, reader.partitionName(p), queue));
            }
            String name = "stage %d (%s) reader %d".formatted(stage.id(), stage.name(), r);
            loop.steps().add(new ReaderStep(name, reader, queues));
        }
        PortionEventTimes portions = portions(stage, partition);
        return ofTasks.stream()
                .map(inputs -> new ReadingTask.Inputs(inputs, portions))
                .toList();
    }

    private @Nullable PortionEventTimes portions(StreamGraph.Stage stage, int partitionCount) {
        if (!(stage.body() instanceof StageBody.Reading reading)
                || !reading.source().endsEpochs()) {
            return null;
        }
        List<Signal> tasks = Objects.requireNonNull(loopsOfStage.get(stage.id())).stream()
                .map(LoopPlan::signal)
                .toList();
        return new PortionEventTimes(partitionCount, tasks, nanoClock.getAsLong());
    }

    private TaskParts parts(TaskPlace place, List<OperatorFactory> chain) {
        List<Operator> operators = new ArrayList<>();
        for (OperatorFactory factory : chain) {
            operators.add(factory.create());
        }
        LateOutput late = new LateOutput(at(lateOutputs, place.stageId(), place.taskIndex()));
        List<OperatorContext> contexts = new ArrayList<>();
        for (int i = 0; i < chain.size(); i++) {
            OperatorFactory factory = chain.get(i);
            contexts.add(new OperatorContext(
                    place.taskIndex(),
                    settings.taskCount(),
                    settings.keyGroupCount(),
                    settings.stateBudget(),
                    operatorMetrics(place, i, factory),
                    settings.time(),
                    late.of(factory.lateRows()),
                    settings.firstEpoch()));
        }
        TaskParts.Outputs to = new TaskParts.Outputs(at(outputs, place.stageId(), place.taskIndex()), late);
        TaskParts.Clock clock = new TaskParts.Clock(nanoClock, settings.time());
        return new TaskParts(place, operators, contexts, to, clock, state, coordinator);
    }

    private OperatorMetrics operatorMetrics(TaskPlace place, int operatorIndex, OperatorFactory factory) {
        if (factory.keepsState()) {
            return counters.operator(place.stageId(), operatorIndex, place.taskIndex(), factory.name());
        }
        return factory.assignsWatermark() ? counters.watermarkFinder(place) : new OperatorMetrics();
    }

    private static <T> T at(Map<Integer, List<T>> byStage, int stageId, int taskIndex) {
        return Objects.requireNonNull(byStage.get(stageId)).get(taskIndex);
    }
}
