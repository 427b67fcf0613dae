package dev.millrace.engine.graph;

import dev.millrace.engine.epoch.BarrierTargets;
import dev.millrace.engine.epoch.EpochCoordinator;
import dev.millrace.engine.epoch.EpochShape;
import dev.millrace.engine.metrics.DataflowMetrics;
import dev.millrace.engine.network.PeerLink;
import dev.millrace.engine.task.TaskReports;
import dev.millrace.engine.task.TaskScope;
import java.util.List;
import java.util.function.Function;

/** A dataflow whose only worker is this process: what its tasks report and are asked for are calls. */
public final class LocalDataflow implements Dataflow {
    private final EpochCoordinator coordinator;
    private final WorkerDataflow worker;

    private LocalDataflow(EpochCoordinator coordinator, WorkerDataflow worker) {
        this.coordinator = coordinator;
        this.worker = worker;
    }

    /** Plans and builds a dataflow of this process's own; nothing runs before {@link #start}. */
    public static LocalDataflow create(StreamGraph graph, DataflowSettings settings, TaskScope.Factory scopes) {
        DataflowPlan plan = DataflowPlan.of(graph, settings.placement());
        EpochShape shape = plan.epochShape(settings.placement(), settings.durability() != null);
        return of(
                graph,
                new EpochCoordinator(shape, settings.firstEpoch()),
                reports -> WorkerDataflow.create(plan, settings, LocalDataflow::noLink, reports, scopes));
    }

    /**
     * A dataflow whose only worker is built here.
     *
     * @param graph not the planned one: its sources and sinks are the driver's
     * @param worker builds the worker, which reports as it is told to
     */
    public static LocalDataflow of(
            StreamGraph graph, EpochCoordinator coordinator, Function<TaskReports, WorkerDataflow> worker) {
        WorkerDataflow built = worker.apply(new DriverReports(graph, coordinator));
        PortionedSources portioned = new PortionedSources(graph);
        portioned.connect(List.of(built::portionTarget));
        coordinator.barrierTargets(BarrierTargets.ofAll(List.of(portioned.barrierTargets(), built.barrierTargets())));
        return new LocalDataflow(coordinator, built);
    }

    /** The links of the only worker. */
    public static PeerLink noLink(int worker) {
        throw new IllegalArgumentException("Cannot link to worker=%d: there is no other.".formatted(worker));
    }

    @Override
    public void start() {
        worker.start();
    }

    @Override
    public EpochCoordinator epochs() {
        return coordinator;
    }

    @Override
    public DataflowMetrics metrics() {
        return worker.metrics();
    }

    @Override
    public List<String> stop() {
        return worker.stop();
    }
}
