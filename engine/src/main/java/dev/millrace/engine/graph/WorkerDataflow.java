package dev.millrace.engine.graph;

import dev.millrace.engine.epoch.BarrierTargets;
import dev.millrace.engine.metrics.DataflowMetrics;
import dev.millrace.engine.network.PeerLink;
import dev.millrace.engine.source.PortionTarget;
import dev.millrace.engine.task.Loop;
import dev.millrace.engine.task.TaskReports;
import dev.millrace.engine.task.TaskScope;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.IntFunction;

/**
 * One worker's part of a dataflow: its tasks, on loops of this process.
 *
 * <p>Thread: any.
 */
public final class WorkerDataflow {
    private static final long GRACE_NANOS = TimeUnit.MILLISECONDS.toNanos(300);
    private static final long PATIENCE_NANOS = TimeUnit.MILLISECONDS.toNanos(1500);

    private final Assembly assembly;
    private final List<Loop> computing = new ArrayList<>();
    private final List<Loop> blocking = new ArrayList<>();

    private WorkerDataflow(
            Assembly assembly, DataflowSettings settings, TaskReports reports, TaskScope.Factory scopes) {
        this.assembly = assembly;
        for (LoopPlan plan : assembly.loops()) {
            if (plan.steps().isEmpty()) {
                continue;
            }
            TaskScope scope = scopes.create(
                    plan.name(), plan.taskIndex(), settings.placement().taskCount());
            Loop loop = new Loop(plan.name(), plan.steps(), plan.signal(), scope, reports);
            (plan.mayBlock() ? blocking : computing).add(loop);
        }
    }

    /**
     * Builds the tasks, channels and loops of the worker that {@code settings} place; nothing runs before {@link
     * #start}.
     *
     * @param links the link to another worker, which gets its connection once all channels are made
     * @param reports hears what the tasks have to say
     */
    public static WorkerDataflow create(
            DataflowPlan plan,
            DataflowSettings settings,
            IntFunction<PeerLink> links,
            TaskReports reports,
            TaskScope.Factory scopes) {
        Assembly assembly = new Assembly(plan, settings, links, reports, System::nanoTime);
        return new WorkerDataflow(assembly, settings, reports, scopes);
    }

    public void start() {
        computing.forEach(Loop::start);
        blocking.forEach(Loop::start);
    }

    /** Those of this worker that are asked for barriers. */
    public BarrierTargets barrierTargets() {
        return assembly.barrierTargets();
    }

    /** What there is here of the source of a stage that reads portions. */
    public PortionTarget portionTarget(int stageId) {
        return assembly.portionTarget(stageId);
    }

    /** How many of its tasks write, over all sinks. */
    public int writingTaskCount() {
        return assembly.writingTaskCount();
    }

    public DataflowMetrics metrics() {
        return assembly.counters();
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
