package dev.millrace.engine.graph;

import dev.millrace.engine.epoch.EpochCoordinator;
import dev.millrace.engine.metrics.DataflowMetrics;
import dev.millrace.engine.task.Loop;
import dev.millrace.engine.task.TaskScope;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * A graph that runs: its loops, in this process.
 *
 * <p>Thread: any, but for {@link #epochs}, which has its own rules.
 */
public final class Dataflow implements AutoCloseable {
    private static final long GRACE_NANOS = TimeUnit.MILLISECONDS.toNanos(300);
    private static final long PATIENCE_NANOS = TimeUnit.MILLISECONDS.toNanos(1500);

    private final EpochCoordinator coordinator;
    private final DataflowMetrics metrics;
    private final List<Loop> computing = new ArrayList<>();
    private final List<Loop> blocking = new ArrayList<>();

    private Dataflow(
            EpochCoordinator coordinator, Assembly assembly, DataflowSettings settings, TaskScope.Factory scopes) {
        this.coordinator = coordinator;
        metrics = assembly.counters();
        for (LoopPlan plan : assembly.loops()) {
            if (plan.steps().isEmpty()) {
                continue;
            }
            TaskScope scope = scopes.create(
                    plan.name(), plan.taskIndex(), settings.placement().taskCount());
            Loop loop = new Loop(plan.name(), plan.steps(), plan.signal(), scope, coordinator);
            (plan.mayBlock() ? blocking : computing).add(loop);
        }
    }

    /**
     * Builds tasks, channels and loops of a dataflow whose only worker is this process; nothing runs before {@link
     * #start}.
     */
    public static Dataflow create(StreamGraph graph, DataflowSettings settings, TaskScope.Factory scopes) {
        DataflowPlan plan = DataflowPlan.of(graph);
        EpochCoordinator coordinator = new EpochCoordinator(plan.epochShape(settings), settings.firstEpoch());
        Assembly assembly = new Assembly(plan, settings, Assembly::noLink, coordinator, System::nanoTime);
        coordinator.barrierTargets(assembly.barrierTargets());
        return new Dataflow(coordinator, assembly, settings, scopes);
    }

    public void start() {
        computing.forEach(Loop::start);
        blocking.forEach(Loop::start);
    }

    public EpochCoordinator epochs() {
        return coordinator;
    }

    public DataflowMetrics metrics() {
        return metrics;
    }

    /**
     * Ends all threads, interrupting those that may block, and after a moment those that should not.
     * Waits about two seconds at most; returns the names of threads that are alive even then, because
     * code that they run heeds no interrupt.
     */
    public List<String> stop() {
        boolean interrupted = Thread.interrupted(); // who stops may be told to hurry; threads must still end
        try {
            return stopLoops();
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private List<String> stopLoops() {
        List<Loop> all = new ArrayList<>(blocking);
        all.addAll(computing);
        all.forEach(Loop::requestStop);
        blocking.forEach(Loop::interrupt);
        List<Loop> alive = await(all, GRACE_NANOS);
        alive.forEach(Loop::interrupt);
        return await(alive, PATIENCE_NANOS).stream().map(Loop::name).toList();
    }

    /** As {@link #stop}. */
    @Override
    public void close() {
        List<String> unused = stop();
    }

    private static List<Loop> await(List<Loop> loops, long timeoutNanos) {
        long deadline = System.nanoTime() + timeoutNanos;
        List<Loop> alive = new ArrayList<>();
        boolean interrupted = false;
        for (Loop loop : loops) {
            try {
                if (!loop.awaitStop(deadline - System.nanoTime())) {
                    alive.add(loop);
                }
            } catch (InterruptedException e) {
                interrupted = true;
                alive.add(loop);
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        return alive;
    }
}
