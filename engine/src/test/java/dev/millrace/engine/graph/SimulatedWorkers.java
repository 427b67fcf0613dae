package dev.millrace.engine.graph;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.engine.epoch.BarrierTargets;
import dev.millrace.engine.epoch.EpochCoordinator;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.engine.network.Hello;
import dev.millrace.engine.network.LinkListener;
import dev.millrace.engine.network.LinkSettings;
import dev.millrace.engine.network.PeerLink;
import dev.millrace.engine.network.Reception;
import dev.millrace.engine.snapshot.OperatorId;
import dev.millrace.engine.snapshot.StoredSnapshot;
import dev.millrace.engine.source.PortionTarget;
import dev.millrace.engine.stream.Item;
import dev.millrace.engine.task.BarrierTarget;
import dev.millrace.engine.task.Step;
import dev.millrace.engine.task.TaskReports;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.Function;
import java.util.function.IntFunction;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * One life of a dataflow on one worker or several, under one thread. What workers send each other goes over
 * {@link SimulatedWire}s; what they tell the coordinator and are told by it arrives later, in its order. What
 * an earlier life has left behind tries to get in, too. A single worker's calls go straight through.
 */
final class SimulatedWorkers {
    private static final long FOR_EVER = Long.MAX_VALUE / 4;

    /** Where the first of one worker or, now and then, of several stands. */
    static Placement placement(Random random, int loopCount) {
        return new Placement(0, random.nextInt(3) == 0 ? 2 + random.nextInt(2) : 1, loopCount);
    }

    /** One of the two ends of what joins two workers. */
    private record End(int self, int peer) {}

    private final EpochCoordinator coordinator;
    private final TaskReports driver;
    private final List<Assembly> assemblies = new ArrayList<>();
    private final Map<End, PeerLink> links = new HashMap<>();
    private final List<SimulatedWire> wires = new ArrayList<>();
    private final List<SimulatedWire> staleWires = new ArrayList<>();
    private final List<Deque<Runnable>> messages = new ArrayList<>();
    private final String attempt;
    private final LongSupplier nanoClock;
    private boolean staleWasLetIn;
    private final Random random;

    /**
     * @param attempt the name of this life
     * @param first where the first worker stands
     * @param settings how a worker runs
     */
    SimulatedWorkers(
            StreamGraph graph,
            String attempt,
            Placement first,
            Function<Placement, DataflowSettings> settings,
            LongSupplier nanoClock,
            Random random) {
        this.attempt = attempt;
        this.nanoClock = nanoClock;
        this.random = random;
        DataflowPlan plan = DataflowPlan.of(graph, first);
        DataflowSettings shared = settings.apply(first);
        coordinator = new EpochCoordinator(plan.epochShape(first, shared.durability() != null), shared.firstEpoch());
        boolean isAlone = first.workerCount() == 1;
        driver = new DriverReports(graph, coordinator);
        PortionedSources portioned = new PortionedSources(graph);
        List<BarrierTargets> targets = new ArrayList<>();
        targets.add(portioned.barrierTargets());
        List<IntFunction<PortionTarget>> portions = new ArrayList<>();
        for (int worker = 0; worker < first.workerCount(); worker++) {
            int self = worker;
            TaskReports reports = isAlone ? driver : new LaterReports(queue());
            DataflowSettings own = settings.apply(new Placement(worker, first.workerCount(), first.loopCount()));
            Assembly assembly = new Assembly(
                    portioned.stages().isEmpty() ? plan : DataflowPlan.of(graph, first), // a copy, as from bytes
                    own,
                    peer -> links.computeIfAbsent(new End(self, peer), end -> link(end, reports)),
                    reports,
                    nanoClock);
            assemblies.add(assembly);
            Deque<Runnable> commands = isAlone ? new ArrayDeque<>() : queue();
            targets.add(isAlone ? assembly.barrierTargets() : later(assembly.barrierTargets(), commands));
            portions.add(
                    isAlone
                            ? assembly::portionTarget
                            : stage -> new LaterPortions(assembly.portionTarget(stage), commands));
        }
        portioned.connect(portions);
        coordinator.barrierTargets(BarrierTargets.ofAll(targets));
        connect(first.workerCount());
    }

    private Deque<Runnable> queue() {
        Deque<Runnable> queue = new ArrayDeque<>();
        messages.add(queue);
        return queue;
    }

    private PeerLink link(End end, TaskReports reports) {
        boolean connects = end.self() > end.peer();
        Hello hello = new Hello(attempt, Math.max(end.self(), end.peer()), Math.min(end.self(), end.peer()));
        long ahead = end.self() * 1_000_000_000_000L; // each machine's clock has an origin of its own
        LinkSettings settings = new LinkSettings(end.self() % 2 == 0, FOR_EVER);
        return new PeerLink(
                hello, connects, settings, new FailuresTo(reports, end.self()), () -> nanoClock.getAsLong() + ahead);
    }

    /** Every worker connects to those before it that it has channels to or from; so does what is left of an earlier life. */
    private void connect(int workerCount) {
        List<Reception> receptions = new ArrayList<>();
        for (int worker = 0; worker < workerCount; worker++) {
            receptions.add(new Reception(refusal -> {}));
        }
        links.forEach((end, link) -> {
            if (end.self() < end.peer()) {
                receptions.get(end.self()).expect(link);
            }
        });
        for (int from = 0; from < workerCount; from++) {
            for (int to = 0; to < from; to++) {
                PeerLink link = links.get(new End(from, to));
                if (link != null) {
                    staleWires.add(new SimulatedWire(staleLink(from, to), receptions.get(to), random));
                    wires.add(new SimulatedWire(link, receptions.get(to), random));
                }
            }
        }
    }

    private PeerLink staleLink(int from, int to) {
        PeerLink stale = new PeerLink(
                new Hello(attempt + " before", from, to),
                true,
                new LinkSettings(false, FOR_EVER),
                new NeverOpened(),
                nanoClock);
        for (int id = 0; id < 4; id++) {
            if (!stale.sending(id, () -> {}).offer(new Item.Watermark(Long.MAX_VALUE))) {
                throw new AssertionError("a new channel is full");
            }
        }
        return stale;
    }

    private record FailuresTo(TaskReports reports, int worker) implements LinkListener {
        @Override
        public void opened(PeerLink link) {}

        @Override
        public void failed(PeerLink link, MillraceException cause) {
            reports.failed("worker " + worker, cause);
        }
    }

    private final class NeverOpened implements LinkListener {
        @Override
        public void opened(PeerLink link) {
            staleWasLetIn = true;
        }

        @Override
        public void failed(PeerLink link, MillraceException cause) {}
    }

    EpochCoordinator coordinator() {
        return coordinator;
    }

    /** What the sinks of all workers have seen. */
    long watermarkMicros() {
        return assemblies.stream()
                .mapToLong(assembly -> assembly.counters().watermarkMicros())
                .min()
                .orElseThrow();
    }

    /** The steps of all loops of all workers. */
    List<Step> steps() {
        return assemblies.stream()
                .flatMap(assembly -> assembly.loops().stream())
                .flatMap(loop -> loop.steps().stream())
                .toList();
    }

    /** Lets something arrive that is under way. */
    void deliver() {
        if (messages.isEmpty()) {
            return;
        }
        Runnable message = messages.get(random.nextInt(messages.size())).poll();
        if (message != null) {
            message.run();
        }
        if (!wires.isEmpty()) {
            wires.get(random.nextInt(wires.size())).step();
        }
        if (!staleWires.isEmpty()) {
            SimulatedWire stale = staleWires.get(random.nextInt(staleWires.size()));
            stale.step();
            assertThat(staleWasLetIn).as("an earlier life was let in").isFalse();
            if (stale.isOver()) {
                staleWires.remove(stale);
                stale.close();
            }
        }
    }

    /** Lets all arrive that is under way; false when there was nothing. */
    boolean deliverAll() {
        boolean moves = false;
        for (SimulatedWire wire : wires) {
            moves |= wire.stepAll();
        }
        for (Deque<Runnable> queue : messages) {
            moves |= !queue.isEmpty();
            queue.forEach(Runnable::run);
            queue.clear();
        }
        return moves;
    }

    /** One of the connections breaks; false where there is none. */
    boolean loseConnection() {
        if (wires.isEmpty()) {
            return false;
        }
        wires.get(random.nextInt(wires.size())).lose();
        return true;
    }

    void close() {
        links.values().forEach(PeerLink::close);
        wires.forEach(SimulatedWire::close);
        staleWires.forEach(SimulatedWire::close);
    }

    private static BarrierTargets later(BarrierTargets targets, Deque<Runnable> queue) {
        return new BarrierTargets(
                targets.portionedStages(),
                later(targets.portioned(), queue),
                targets.portionedTasks(),
                later(targets.others(), queue));
    }

    private static List<BarrierTarget> later(List<BarrierTarget> targets, Deque<Runnable> queue) {
        List<BarrierTarget> later = new ArrayList<>();
        for (BarrierTarget target : targets) {
            later.add(new BarrierTarget() {
                @Override
                public void requestBarrier(long epoch) {
                    queue.add(() -> target.requestBarrier(epoch));
                }

                @Override
                public void requestLastBarrier(long epoch) {
                    queue.add(() -> target.requestLastBarrier(epoch));
                }
            });
        }
        return later;
    }

    /** Tells a worker of portions when the queue comes to it. */
    private record LaterPortions(PortionTarget target, Deque<Runnable> queue) implements PortionTarget {
        @Override
        public void portion(Object share) {
            queue.add(() -> target.portion(share));
        }

        @Override
        public void endEpoch(long epoch, long portion) {
            queue.add(() -> target.endEpoch(epoch, portion));
        }

        @Override
        public void settled(long portion, long reachedMicros) {
            queue.add(() -> target.settled(portion, reachedMicros));
        }
    }

    /** Tells the coordinator when the queue comes to it. */
    private final class LaterReports implements TaskReports {
        private final Deque<Runnable> queue;

        LaterReports(Deque<Runnable> queue) {
            this.queue = queue;
        }

        @Override
        public void sourcePositions(
                int stageId,
                int taskIndex,
                long epoch,
                List<Integer> partitionIndexes,
                List<Object> positions,
                long rowsRead) {
            queue.add(() -> driver.sourcePositions(stageId, taskIndex, epoch, partitionIndexes, positions, rowsRead));
        }

        @Override
        public void portionEnded(int stageId, long portion, long maxMicros) {
            queue.add(() -> driver.portionEnded(stageId, portion, maxMicros));
        }

        @Override
        public void barrierTaken(int stageId, int taskIndex, long epoch) {
            queue.add(() -> driver.barrierTaken(stageId, taskIndex, epoch));
        }

        @Override
        public void sinkPrepared(int stageId, int taskIndex, long epoch, @Nullable Object message, long rowsWritten) {
            queue.add(() -> driver.sinkPrepared(stageId, taskIndex, epoch, message, rowsWritten));
        }

        @Override
        public void observed(OperatorId operator, long epoch, byte[] observation) {
            queue.add(() -> driver.observed(operator, epoch, observation));
        }

        @Override
        public void snapshotStored(long epoch, StoredSnapshot snapshot) {
            queue.add(() -> driver.snapshotStored(epoch, snapshot));
        }

        @Override
        public void failed(String where, Throwable cause) {
            queue.add(() -> driver.failed(where, cause));
        }
    }
}
