package dev.millrace.engine.graph;

import dev.millrace.engine.epoch.BarrierTargets;
import dev.millrace.engine.exchange.Channel;
import dev.millrace.engine.exchange.Signal;
import dev.millrace.engine.metrics.OperatorMetrics;
import dev.millrace.engine.metrics.RowCount;
import dev.millrace.engine.metrics.TaskMetrics;
import dev.millrace.engine.network.ChannelEnds;
import dev.millrace.engine.operator.Operator;
import dev.millrace.engine.operator.OperatorContext;
import dev.millrace.engine.operator.OperatorFactory;
import dev.millrace.engine.operator.PortionEventTimes;
import dev.millrace.engine.page.Side;
import dev.millrace.engine.sink.PlannedSink;
import dev.millrace.engine.source.PlannedSource;
import dev.millrace.engine.source.PortionInbox;
import dev.millrace.engine.source.PortionTarget;
import dev.millrace.engine.source.ReaderFactory;
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
import dev.millrace.engine.task.TaskReports;
import dev.millrace.engine.task.WritingTask;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.IntFunction;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Makes one worker's tasks and channels of a graph, and says which of them share a loop: a task of every
 * stage sits on each compute loop; a reader, a writer and a pulled fragment have one each. A channel to or from
 * a task of another worker is the near half of one, whose other half is where the link leads. Starts nothing.
 *
 * <p>Thread: one.
 */
final class Assembly {
    private final StreamGraph graph;
    private final DataflowPlan plan;
    private final DataflowSettings settings;
    private final Placement placement;
    private final int taskCount;
    private final IntFunction<? extends ChannelEnds> links;
    private final TaskReports reports;
    private final LongSupplier nanoClock;
    private final List<LoopPlan> computeLoops = new ArrayList<>();
    private final List<LoopPlan> ownLoops = new ArrayList<>();
    private final Map<Integer, List<BarrierTarget>> readingTasks = new HashMap<>();
    private final Map<Integer, PortionTarget> portionTargets = new HashMap<>();
    private final Counters counters;
    private final WatermarkOrigins watermarkOrigins;
    private final InputPartitions inputPartitions;
    private final TaskParts.State state;

    /** The number of the next channel: every worker counts all of them in the same order. */
    private int nextChannelId;

    /** For each stage and task of this worker: where it is woken. */
    private final Map<Integer, List<LoopPlan>> loopsOfStage = new HashMap<>();

    /** For each consuming stage and task: its input channels, in the order of the stage's inputs. */
    private final Map<Integer, List<List<Channel>>> inputs = new HashMap<>();

    /** For each producing stage and task: its output edges. */
    private final Map<Integer, List<List<OutputEdge>>> outputs = new HashMap<>();

    /** The same for rows that its operators drop as late. */
    private final Map<Integer, List<List<OutputEdge>>> lateOutputs = new HashMap<>();

    /**
     * @param links the link to another worker, which is not connected yet
     * @param reports where tasks report
     */
    Assembly(
            DataflowPlan plan,
            DataflowSettings settings,
            IntFunction<? extends ChannelEnds> links,
            TaskReports reports,
            LongSupplier nanoClock) {
        this.graph = plan.graph();
        this.plan = plan;
        this.settings = settings;
        this.placement = settings.placement();
        this.taskCount = placement.taskCount();
        this.links = links;
        this.reports = reports;
        this.nanoClock = nanoClock;
        this.counters = new Counters(graph);
        for (int i = 0; i < placement.loopCount(); i++) {
            int task = placement.firstTask() + i;
            computeLoops.add(LoopPlan.of("millrace-%s-loop-%d".formatted(settings.name(), task), task, false));
        }
        watermarkOrigins = new WatermarkOrigins(graph);
        inputPartitions = new InputPartitions(graph, readPartitions(), placement);
        state = state();
        graph.stages().forEach(this::placeStage);
        graph.stages().forEach(this::connect);
        graph.stages().forEach(this::makeTasks);
    }

    /** Those of this worker that are asked for barriers. */
    BarrierTargets barrierTargets() {
        Set<Integer> portionedStages = new HashSet<>();
        List<BarrierTarget> portioned = new ArrayList<>();
        List<BarrierTarget> others = new ArrayList<>();
        for (StreamGraph.Stage stage : graph.stages()) {
            if (stage.body() instanceof StageBody.Reading reading) {
                boolean isPortioned = reading.source().endsEpochs();
                if (isPortioned) {
                    portionedStages.add(stage.id());
                }
                (isPortioned ? portioned : others).addAll(Objects.requireNonNull(readingTasks.get(stage.id())));
            }
        }
        return new BarrierTargets(portionedStages, portioned, portionedStages.size() * placement.loopCount(), others);
    }

    /** What there is here of a source that is read in portions. */
    PortionTarget portionTarget(int stageId) {
        return Objects.requireNonNull(portionTargets.get(stageId), "a stage that reads portions");
    }

    int writingTaskCount() {
        return placement.loopCount()
                * (int) graph.stages().stream()
                        .filter(stage -> stage.body() instanceof StageBody.Writing)
                        .count();
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

    /** For each reading stage the names of the partitions that each task here reads; of others nothing is asked. */
    private Map<Integer, List<List<String>>> readPartitions() {
        Map<Integer, List<List<String>>> readPartitions = new HashMap<>();
        plan.sources().forEach((stage, source) -> {
            List<ReaderFactory> readers = source.readers();
            List<List<String>> ofTasks = new ArrayList<>();
            for (int i = 0; i < taskCount; i++) {
                ofTasks.add(new ArrayList<>());
            }
            int dealt = 0;
            for (int r = 0; r < readers.size(); r++) {
                ReaderFactory reader = readers.get(r);
                for (int i = 0; i < reader.partitionCount() && placement.reads(r); i++) {
                    ofTasks.get(taskOfPartition(dealt++)).add(reader.partitionName(i));
                }
            }
            readPartitions.put(stage, ofTasks);
        });
        return readPartitions;
    }

    /** The partitions that a worker's readers read are dealt to its tasks in turn. */
    private int taskOfPartition(int dealt) {
        return placement.firstTask() + dealt % placement.loopCount();
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
                durability.attempt() + "-" + placement.worker(),
                (int) chains * placement.loopCount(),
                computeLoops.stream().map(LoopPlan::signal).toList(),
                reports,
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
        for (int i = 0; i < placement.loopCount(); i++) {
            LoopPlan loop = computeLoops.get(i);
            if (own) {
                int task = placement.firstTask() + i;
                loop = ownLoop("stage-%d-task-%d".formatted(stage.id(), task), task);
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
            for (int producer = 0; producer < taskCount; producer++) {
                List<Channel> channels = channels(stage, input, producer);
                all.addAll(channels);
                if (placement.isHere(producer)) {
                    RowCount count = new RowCount();
                    at(input.isLate() ? lateOutputs : outputs, input.stageId(), producer)
                            .add(new OutputEdge(
                                    router(input.exchange()),
                                    channels,
                                    inputPartitions.areKeptApart(stage, input),
                                    count));
                    handedOn.add(count);
                }
            }
            counters.exchange(stage.id(), i, all, handedOn);
        }
    }

    /**
     * What there is here of the channels from a producing task: all where it is here, else those to tasks here. A
     * task has a channel to every one that it may have rows for: barriers must reach all, whatever rows do.
     */
    private List<Channel> channels(StreamGraph.Stage stage, StreamGraph.Input input, int producer) {
        List<Channel> channels = new ArrayList<>();
        if (input.exchange() instanceof Exchange.Forward) {
            int id = nextChannelId++;
            if (placement.isHere(producer)) {
                channels.add(channel(stage, input, producer, producer, id));
            }
            return channels;
        }
        // Those that neither begin nor end here are only counted: there are as many as the square of the tasks.
        int firstId = nextChannelId;
        nextChannelId += taskCount;
        boolean allConsumers = placement.isHere(producer);
        int first = allConsumers ? 0 : placement.firstTask();
        int end = allConsumers ? taskCount : placement.firstTask() + placement.loopCount();
        for (int consumer = first; consumer < end; consumer++) {
            channels.add(channel(stage, input, producer, consumer, firstId + consumer));
        }
        return channels;
    }

    /** The channel between two tasks, or its half that is here. */
    private Channel channel(StreamGraph.Stage stage, StreamGraph.Input input, int producer, int consumer, int id) {
        if (!placement.isHere(consumer)) {
            Signal signal = at(loopsOfStage, input.stageId(), producer).signal();
            return links.apply(placement.workerOf(consumer)).sending(id, signal);
        }
        Signal signal = at(loopsOfStage, stage.id(), consumer).signal();
        Channel channel = placement.isHere(producer)
                ? new Channel(at(loopsOfStage, input.stageId(), producer).signal(), signal)
                : links.apply(placement.workerOf(producer)).receiving(id, signal);
        at(inputs, stage.id(), consumer).add(channel);
        return channel;
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
        for (int i = placement.firstTask(); i < placement.firstTask() + placement.loopCount(); i++) {
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
                        partitions.get(i - placement.firstTask()),
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
                                pulling.fragment().create(i, taskCount),
                                inbox,
                                at(outputs, stage.id(), i),
                                reports,
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
        List<Integer> kinOfChannel = new ArrayList<>();
        int kin = 0;
        for (int i = 0; i < groups.length; i++) {
            StreamGraph.Input input = stage.inputs().get(i);
            for (int channels = channelCount(input); channels > 0; channels--) {
                groupOfChannel.add(groups[i]);
                kinOfChannel.add(kin);
                kin += watermarkOrigins.areKin(input) && channels > 1 ? 0 : 1;
            }
        }
        return new MergedWatermark(
                groupOfChannel.stream().mapToInt(Integer::intValue).toArray(),
                kinOfChannel.stream().mapToInt(Integer::intValue).toArray(),
                graph.watermarkPolicy());
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
        return input.exchange().channelCount(taskCount);
    }

    private WritingTask writingTask(TaskPlace place, StageBody.Writing writing, Inbox inbox, TaskMetrics metrics) {
        return new WritingTask(
                place,
                inbox,
                ((PlannedSink) writing.sink()).writer(place.taskIndex(), taskCount),
                settings.firstEpoch(),
                reports,
                metrics,
                counters.latency());
    }

    /** For each task here the source partitions that it reads. */
    private List<ReadingTask.Inputs> partitions(StreamGraph.Stage stage) {
        List<List<ReadingTask.Input>> ofTasks = new ArrayList<>();
        for (int i = 0; i < placement.loopCount(); i++) {
            ofTasks.add(new ArrayList<>());
        }
        List<ReaderFactory> all = plan.readersOf(stage);
        int partition = 0;
        int dealt = 0;
        for (int r = 0; r < all.size(); r++) {
            ReaderFactory planned = all.get(r);
            if (!placement.reads(r)) {
                partition += planned.partitionCount();
                continue;
            }
            SourceReader reader = planned.create();
            LoopPlan loop = ownLoop(
                    "stage-%d-reader-%d".formatted(stage.id(), r), taskOfPartition(dealt), new Signal(reader::wakeUp));
            List<SourceQueue> queues = new ArrayList<>();
            for (int p = 0; p < planned.partitionCount(); p++, partition++, dealt++) {
                int task = taskOfPartition(dealt);
                List<ReadingTask.Input> ofTask = ofTasks.get(task - placement.firstTask());
                SourceQueue queue = new SourceQueue(
                        loop.signal(), at(loopsOfStage, stage.id(), task).signal());
                queues.add(queue);
                counters.partition(stage.id(), partition, task, ofTask.size(), queue);
                ofTask.add(new ReadingTask.Input(partition, planned.partitionName(p), queue));
            }
            String name = "stage %d (%s) reader %d".formatted(stage.id(), stage.name(), r);
            loop.steps().add(new ReaderStep(name, reader, queues));
        }
        PortionEventTimes portions = portions(stage, dealt);
        return ofTasks.stream()
                .map(inputs -> new ReadingTask.Inputs(inputs, portions))
                .toList();
    }

    private @Nullable PortionEventTimes portions(StreamGraph.Stage stage, int partitionCount) {
        if (!(stage.body() instanceof StageBody.Reading reading)) {
            return null;
        }
        PortionInbox readers = ((PlannedSource) reading.source()).portions();
        if (readers == null) {
            return null;
        }
        List<Signal> tasks = Objects.requireNonNull(loopsOfStage.get(stage.id())).stream()
                .map(LoopPlan::signal)
                .toList();
        PortionEventTimes made = new PortionEventTimes(
                partitionCount,
                tasks,
                (portion, maxMicros) -> reports.portionEnded(stage.id(), portion, maxMicros),
                nanoClock.getAsLong());
        portionTargets.put(stage.id(), new PortionedStage(readers, made));
        return made;
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
                    taskCount,
                    settings.keyGroupCount(),
                    settings.stateBudget(),
                    operatorMetrics(place, i, factory),
                    settings.time(),
                    nanoClock,
                    late.of(factory.lateRows()),
                    settings.firstEpoch()));
        }
        TaskParts.Outputs to = new TaskParts.Outputs(at(outputs, place.stageId(), place.taskIndex()), late);
        TaskParts.Clock clock = new TaskParts.Clock(nanoClock, settings.time());
        return new TaskParts(place, operators, contexts, to, clock, state, reports);
    }

    private OperatorMetrics operatorMetrics(TaskPlace place, int operatorIndex, OperatorFactory factory) {
        if (factory.keepsState()) {
            return counters.operator(place.stageId(), operatorIndex, place.taskIndex(), factory.name());
        }
        return factory.assignsWatermark() ? counters.watermarkFinder(place) : new OperatorMetrics();
    }

    private <T> T at(Map<Integer, List<T>> byStage, int stageId, int task) {
        return Objects.requireNonNull(byStage.get(stageId)).get(task - placement.firstTask());
    }
}
