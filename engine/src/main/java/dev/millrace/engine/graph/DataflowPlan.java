package dev.millrace.engine.graph;

import dev.millrace.engine.epoch.EpochShape;
import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.engine.operator.OperatorFactory;
import dev.millrace.engine.source.SourceReader;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * What all workers of one dataflow have in common: the graph, and what its sources are to read this time.
 *
 * @param readers for each reading stage's id, the readers of all partitions
 */
public record DataflowPlan(StreamGraph graph, Map<Integer, List<SourceReader>> readers) {
    public DataflowPlan {
        readers = Map.copyOf(readers);
    }

    /**
     * Has every source plan what it reads.
     *
     * <p>Thread: the query's.
     */
    public static DataflowPlan of(StreamGraph graph) {
        Map<Integer, List<SourceReader>> readers = new HashMap<>();
        for (StreamGraph.Stage stage : graph.stages()) {
            if (stage.body() instanceof StageBody.Reading reading) {
                readers.put(stage.id(), List.copyOf(reading.source().readers()));
            }
        }
        return new DataflowPlan(graph, readers);
    }

    List<SourceReader> readersOf(StreamGraph.Stage stage) {
        return readers.getOrDefault(stage.id(), List.of());
    }

    /** Errors: UNSUPPORTED_SOURCE where several workers cannot read a source together. */
    void requireFor(Placement placement) {
        for (StreamGraph.Stage stage : graph.stages()) {
            if (placement.workerCount() > 1
                    && stage.body() instanceof StageBody.Reading reading
                    && reading.source().endsEpochs()) {
                throw new MillraceException(
                        ErrorCode.UNSUPPORTED_SOURCE,
                        ("Cannot read a source on several workers: source=%s is read batch by batch, workers=%d. Run the "
                                        + "query with one worker.")
                                .formatted(reading.source().name(), placement.workerCount()));
            }
        }
    }

    /** What the workers together give for each epoch. */
    public EpochShape epochShape(DataflowSettings settings) {
        int taskCount = settings.placement().taskCount();
        Map<Integer, Integer> partitionCounts = new HashMap<>();
        readers.forEach((stage, list) -> partitionCounts.put(
                stage, list.stream().mapToInt(SourceReader::partitionCount).sum()));
        Map<Integer, Integer> writers = new HashMap<>();
        int operating = 0;
        for (StreamGraph.Stage stage : graph.stages()) {
            if (stage.body() instanceof StageBody.Writing) {
                writers.put(stage.id(), taskCount);
            } else if (!(stage.body() instanceof StageBody.Reading)) {
                operating += taskCount;
            }
        }
        int snapshots =
                Objects.isNull(settings.durability()) ? 0 : settings.placement().workerCount();
        long observing = graph.stages().stream()
                .flatMap(stage -> stage.body().chain().stream())
                .filter(OperatorFactory::observes)
                .count();
        return new EpochShape(
                partitionCounts,
                readers.size() * taskCount,
                operating,
                writers,
                snapshots,
                (int) observing * taskCount);
    }
}
