package dev.millrace.engine.graph;

import dev.millrace.engine.epoch.EpochCoordinator;
import dev.millrace.engine.metrics.DataflowMetrics;
import dev.millrace.engine.network.PeerLink;
import dev.millrace.engine.task.TaskScope;
import java.util.List;

/** A dataflow whose only worker is this process: what its tasks report and are asked for are calls. */
public final class LocalDataflow implements Dataflow {
    private final EpochCoordinator coordinator;
    private final WorkerDataflow worker;

    private LocalDataflow(EpochCoordinator coordinator, WorkerDataflow worker) {
        this.coordinator = coordinator;
        this.worker = worker;
    }

    /** Builds tasks, channels and loops; nothing runs before {@link #start}. */
    public static LocalDataflow create(StreamGraph graph, DataflowSettings settings, TaskScope.Factory scopes) {
        DataflowPlan plan = DataflowPlan.of(graph);
        EpochCoordinator coordinator = new EpochCoordinator(plan.epochShape(settings), settings.firstEpoch());
        WorkerDataflow worker = WorkerDataflow.create(plan, settings, LocalDataflow::noLink, coordinator, scopes);
        coordinator.barrierTargets(worker.barrierTargets());
        return new LocalDataflow(coordinator, worker);
    }

    /** The links of the only worker. */
    private static PeerLink noLink(int worker) {
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
