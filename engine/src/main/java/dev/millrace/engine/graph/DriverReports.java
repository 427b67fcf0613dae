package dev.millrace.engine.graph;

import dev.millrace.engine.sink.Sink;
import dev.millrace.engine.snapshot.OperatorId;
import dev.millrace.engine.snapshot.StoredSnapshot;
import dev.millrace.engine.source.Source;
import dev.millrace.engine.task.TaskReports;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Hears all workers of a dataflow in the driver: a sink learns what its writers have prepared before whoever
 * gathers the epoch does, and a source who is through with its portions.
 *
 * <p>Thread: any.
 */
public final class DriverReports implements TaskReports {
    private final Map<Integer, Source> sources = new HashMap<>();
    private final Map<Integer, Sink> sinks = new HashMap<>();
    private final TaskReports coordinator;

    /** @param graph not the planned one: its sources and sinks are the driver's */
    public DriverReports(StreamGraph graph, TaskReports coordinator) {
        for (StreamGraph.Stage stage : graph.stages()) {
            if (stage.body() instanceof StageBody.Writing writing) {
                sinks.put(stage.id(), writing.sink());
            } else if (stage.body() instanceof StageBody.Reading reading) {
                sources.put(stage.id(), reading.source());
            }
        }
        this.coordinator = coordinator;
    }

    @Override
    public void sinkPrepared(int stageId, int taskIndex, long epoch, @Nullable Object message, long rowsWritten) {
        Objects.requireNonNull(sinks.get(stageId)).prepared(epoch, taskIndex, message);
        coordinator.sinkPrepared(stageId, taskIndex, epoch, message, rowsWritten);
    }

    @Override
    public void sourcePositions(
            int stageId,
            int taskIndex,
            long epoch,
            List<Integer> partitionIndexes,
            List<Object> positions,
            long rowsRead) {
        coordinator.sourcePositions(stageId, taskIndex, epoch, partitionIndexes, positions, rowsRead);
    }

    @Override
    public void portionEnded(int stageId, long portion, long maxMicros) {
        Objects.requireNonNull(sources.get(stageId)).portionEnded(portion, maxMicros);
    }

    @Override
    public void barrierTaken(int stageId, int taskIndex, long epoch) {
        coordinator.barrierTaken(stageId, taskIndex, epoch);
    }

    @Override
    public void observed(OperatorId operator, long epoch, byte[] observation) {
        coordinator.observed(operator, epoch, observation);
    }

    @Override
    public void snapshotStored(long epoch, StoredSnapshot snapshot) {
        coordinator.snapshotStored(epoch, snapshot);
    }

    @Override
    public void failed(String where, Throwable cause) {
        coordinator.failed(where, cause);
    }
}
