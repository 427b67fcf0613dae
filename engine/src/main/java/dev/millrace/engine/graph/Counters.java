package dev.millrace.engine.graph;

import dev.millrace.engine.exchange.Channel;
import dev.millrace.engine.metrics.DataflowMetrics;
import dev.millrace.engine.metrics.EventTimes;
import dev.millrace.engine.metrics.LatencyRecorder;
import dev.millrace.engine.metrics.OperatorMetrics;
import dev.millrace.engine.metrics.RowCount;
import dev.millrace.engine.metrics.TaskMetrics;
import dev.millrace.engine.metrics.WatermarkMetrics;
import dev.millrace.engine.source.SourceQueue;
import dev.millrace.engine.task.TaskPlace;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** The counters of one dataflow: filled while it is assembled, then only read. */
final class Counters implements DataflowMetrics {
    /** One channel of each producing task to each consuming task. */
    private record ExchangeParts(int stageId, int inputIndex, List<Channel> channels, List<RowCount> handedOn) {}

    /** @param place its number among the partitions that its task reads */
    private record PartitionParts(int stageId, int partitionIndex, int taskIndex, int place, SourceQueue queue) {}

    private record Finder(int stageId, int taskIndex, OperatorMetrics metrics) {}

    private record TaskParts(int stageId, int taskIndex, String loop, TaskMetrics metrics) {}

    private record OperatorParts(int stageId, int operatorIndex, int taskIndex, String name, OperatorMetrics metrics) {}

    private final List<TaskParts> tasks = new ArrayList<>();
    private final List<ExchangeParts> exchanges = new ArrayList<>();
    private final List<PartitionParts> partitions = new ArrayList<>();
    private final List<OperatorParts> operators = new ArrayList<>();
    private final List<Finder> watermarkFinders = new ArrayList<>();
    private final Set<Integer> readingStages = new HashSet<>();
    private final Set<Integer> writingStages = new HashSet<>();
    private final LatencyRecorder latency = new LatencyRecorder();

    Counters(StreamGraph graph) {
        for (StreamGraph.Stage stage : graph.stages()) {
            if (stage.body() instanceof StageBody.Reading) {
                readingStages.add(stage.id());
            } else if (stage.body() instanceof StageBody.Writing) {
                writingStages.add(stage.id());
            }
        }
    }

    TaskMetrics task(TaskPlace place, String loop) {
        TaskMetrics metrics = new TaskMetrics();
        tasks.add(new TaskParts(place.stageId(), place.taskIndex(), loop, metrics));
        return metrics;
    }

    OperatorMetrics operator(int stageId, int operatorIndex, int taskIndex, String name) {
        OperatorMetrics metrics = new OperatorMetrics();
        operators.add(new OperatorParts(stageId, operatorIndex, taskIndex, name, metrics));
        return metrics;
    }

    /** Of an operator that finds a watermark. */
    OperatorMetrics watermarkFinder(TaskPlace place) {
        OperatorMetrics metrics = new OperatorMetrics();
        watermarkFinders.add(new Finder(place.stageId(), place.taskIndex(), metrics));
        return metrics;
    }

    void exchange(int stageId, int inputIndex, List<Channel> channels, List<RowCount> handedOn) {
        exchanges.add(new ExchangeParts(stageId, inputIndex, List.copyOf(channels), List.copyOf(handedOn)));
    }

    /** @param place its number among the partitions that its task reads */
    void partition(int stageId, int partitionIndex, int taskIndex, int place, SourceQueue queue) {
        partitions.add(new PartitionParts(stageId, partitionIndex, taskIndex, place, queue));
    }

    @Override
    public Map<Integer, Long> rowsRead() {
        return totals(readingStages);
    }

    @Override
    public Map<Integer, Long> rowsWritten() {
        return totals(writingStages);
    }

    private Map<Integer, Long> totals(Set<Integer> stages) {
        Map<Integer, Long> totals = new HashMap<>();
        for (TaskParts task : tasks) {
            if (stages.contains(task.stageId())) {
                totals.merge(task.stageId(), task.metrics().rowsTaken().total(), Long::sum);
            }
        }
        return totals;
    }

    @Override
    public List<OperatorSample> operators() {
        return operators.stream().map(Counters::sample).toList();
    }

    private static OperatorSample sample(OperatorParts parts) {
        OperatorMetrics metrics = parts.metrics();
        return new OperatorSample(
                parts.stageId(),
                parts.operatorIndex(),
                parts.taskIndex(),
                parts.name(),
                metrics.state(),
                metrics.rowsUpdated(),
                metrics.rowsRemoved(),
                metrics.rowsDroppedByWatermark(),
                metrics.rowsDroppedAsDuplicates());
    }

    @Override
    public List<TaskSample> tasks(long nowNanos) {
        return tasks.stream()
                .map(task -> new TaskSample(
                        task.stageId(),
                        task.taskIndex(),
                        task.loop(),
                        task.metrics().rowsTaken().total(),
                        task.metrics().clock().times(nowNanos),
                        task.metrics().watermarkMicros()))
                .toList();
    }

    @Override
    public List<ExchangeSample> exchanges() {
        return exchanges.stream()
                .map(parts -> new ExchangeSample(
                        parts.stageId(),
                        parts.inputIndex(),
                        parts.handedOn().stream().mapToLong(RowCount::total).sum(),
                        parts.channels().stream()
                                .mapToDouble(Channel::fill)
                                .average()
                                .orElse(0),
                        parts.channels().stream()
                                .mapToDouble(Channel::fill)
                                .max()
                                .orElse(0)))
                .toList();
    }

    @Override
    public List<PartitionSample> partitions() {
        return partitions.stream()
                .map(parts -> new PartitionSample(
                        parts.stageId(), parts.partitionIndex(), parts.queue().fill(), watermark(parts)))
                .toList();
    }

    private WatermarkMetrics.@Nullable Partition watermark(PartitionParts parts) {
        for (Finder finder : watermarkFinders) {
            WatermarkMetrics found = finder.metrics().watermark();
            if (found != null
                    && finder.stageId() == parts.stageId()
                    && finder.taskIndex() == parts.taskIndex()
                    && found.partitions().size() > parts.place()) {
                return found.partitions().get(parts.place());
            }
        }
        return null;
    }

    @Override
    public EventTimes eventTimes(long epoch) {
        EventTimes times = EventTimes.NONE;
        int ofStage = -1;
        for (Finder finder : watermarkFinders) {
            WatermarkMetrics found = finder.metrics().watermark();
            EventTimes more = found == null ? EventTimes.NONE : found.eventTimes(epoch);
            if (more.count() > 0 && (ofStage < 0 || ofStage == finder.stageId())) {
                ofStage = finder.stageId();
                times = times.plus(more);
            }
        }
        return times;
    }

    @Override
    public long watermarkMicros() {
        return tasks.stream()
                .filter(task -> writingStages.contains(task.stageId()))
                .mapToLong(task -> task.metrics().watermarkMicros())
                .min()
                .orElse(Long.MIN_VALUE);
    }

    @Override
    public LatencyRecorder latency() {
        return latency;
    }
}
