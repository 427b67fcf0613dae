package dev.millrace.engine.graph;

import dev.millrace.engine.epoch.EpochShape;
import dev.millrace.engine.operator.OperatorFactory;
import dev.millrace.engine.source.PlannedSource;
import dev.millrace.engine.source.ReaderFactory;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * What all workers of one dataflow have in common: the graph, with what its sources are to read and its sinks to
 * write this time. It travels to them.
 */
public final class DataflowPlan implements Serializable {
    private static final long serialVersionUID = 1L;

    private final StreamGraph graph;

    private DataflowPlan(StreamGraph graph) {
        this.graph = graph;
    }

    /**
     * Has every source plan what is read, and every sink what writes.
     *
     * <p>Thread: the query's.
     *
     * @param placement where any worker stands
     */
    public static DataflowPlan of(StreamGraph graph, Placement placement) {
        List<StreamGraph.Stage> stages = new ArrayList<>();
        for (StreamGraph.Stage stage : graph.stages()) {
            stages.add(
                    new StreamGraph.Stage(stage.id(), stage.name(), stage.inputs(), planned(stage.body(), placement)));
        }
        return new DataflowPlan(new StreamGraph(stages, graph.watermarkPolicy()));
    }

    private static StageBody planned(StageBody body, Placement placement) {
        if (body instanceof StageBody.Reading reading) {
            return new StageBody.Reading(
                    reading.source().plan(placement.workerCount(), placement.loopCount()), reading.chain());
        }
        return body instanceof StageBody.Writing writing
                ? new StageBody.Writing(writing.sink().plan())
                : body;
    }

    StreamGraph graph() {
        return graph;
    }

    /** For each reading stage's id, what its source reads. */
    Map<Integer, PlannedSource> sources() {
        Map<Integer, PlannedSource> sources = new HashMap<>();
        for (StreamGraph.Stage stage : graph.stages()) {
            if (stage.body() instanceof StageBody.Reading reading) {
                sources.put(stage.id(), (PlannedSource) reading.source());
            }
        }
        return sources;
    }

    /** The readers of a stage's source, and none where it has no source. */
    List<ReaderFactory> readersOf(StreamGraph.Stage stage) {
        return stage.body() instanceof StageBody.Reading reading
                ? ((PlannedSource) reading.source()).readers()
                : List.of();
    }

    /**
     * What the workers together give for each epoch.
     *
     * @param placement where any of them stands
     * @param keepsState whether each of them stores a snapshot
     */
    public EpochShape epochShape(Placement placement, boolean keepsState) {
        int taskCount = placement.taskCount();
        Map<Integer, Integer> partitionCounts = new HashMap<>();
        sources().forEach((stage, source) -> partitionCounts.put(stage, source.partitionCount()));
        Map<Integer, Integer> writers = new HashMap<>();
        int operating = 0;
        for (StreamGraph.Stage stage : graph.stages()) {
            if (stage.body() instanceof StageBody.Writing) {
                writers.put(stage.id(), taskCount);
            } else if (!(stage.body() instanceof StageBody.Reading)) {
                operating += taskCount;
            }
        }
        int snapshots = keepsState ? placement.workerCount() : 0;
        long observing = graph.stages().stream()
                .flatMap(stage -> stage.body().chain().stream())
                .filter(OperatorFactory::observes)
                .count();
        return new EpochShape(
                partitionCounts,
                partitionCounts.size() * taskCount,
                operating,
                writers,
                snapshots,
                (int) observing * taskCount);
    }
}
