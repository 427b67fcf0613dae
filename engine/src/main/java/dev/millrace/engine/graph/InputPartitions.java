package dev.millrace.engine.graph;

import dev.millrace.engine.operator.OperatorFactory;
import dev.millrace.engine.task.ChannelPartitions;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;

/**
 * By which input partitions the tasks of each stage tell rows apart, so that a watermark is found per
 * partition wherever rows have stayed on the task that read them. Rows keep theirs over forward edges, and
 * only on the way to an operator that assigns watermarks, since it makes pages smaller. Rows that were
 * spread are of one partition: a task may never see those of another.
 *
 * <p>Thread: one.
 */
final class InputPartitions {
    private final Placement placement;

    /** Stages in which an operator assigns watermarks, and those whose rows stay on their task up to there. */
    private final Set<Integer> asking = new HashSet<>();

    /** For each stage the names of the partitions that each of its tasks here tells apart. */
    private final Map<Integer, List<List<String>>> names = new HashMap<>();

    /**
     * @param read for each reading stage, the names of the partitions that each of its tasks reads
     * @param placement whose tasks will be asked for: they have rows of these alone that stayed on their task
     */
    InputPartitions(StreamGraph graph, Map<Integer, List<List<String>>> read, Placement placement) {
        this.placement = placement;
        List<StreamGraph.Stage> stages = graph.stages();
        for (int i = stages.size() - 1; i >= 0; i--) {
            StreamGraph.Stage stage = stages.get(i);
            if (stage.body().chain().stream().anyMatch(OperatorFactory::assignsWatermark)) {
                asking.add(stage.id());
            }
            stage.inputs().stream()
                    .filter(input -> areKeptApart(stage, input))
                    .forEach(input -> asking.add(input.stageId()));
        }
        names.putAll(read);
        for (StreamGraph.Stage stage : stages) {
            if (!read.containsKey(stage.id())) {
                List<List<String>> ofTasks = new ArrayList<>();
                for (int task = 0; task < placement.taskCount(); task++) {
                    ofTasks.add(placement.isHere(task) ? ofChannels(stage, task).names() : List.of());
                }
                names.put(stage.id(), ofTasks);
            }
        }
    }

    /** Whether the pages of an edge hold rows of one partition each. */
    boolean areKeptApart(StreamGraph.Stage consumer, StreamGraph.Input input) {
        return asking.contains(consumer.id()) && input.exchange() instanceof Exchange.Forward;
    }

    /** How a task of a stage that reads no source counts the partitions that its channels bring. */
    ChannelPartitions ofChannels(StreamGraph.Stage stage, int task) {
        List<Integer> first = new ArrayList<>();
        List<String> all = new ArrayList<>();
        int spread = -1;
        for (int i = 0; i < stage.inputs().size(); i++) {
            StreamGraph.Input input = stage.inputs().get(i);
            if (areKeptApart(stage, input)) {
                first.add(all.size());
                for (String name :
                        Objects.requireNonNull(names.get(input.stageId())).get(task)) {
                    // A source that is used twice brings each of its partitions by two inputs.
                    all.add(name.isEmpty() ? "" : i + "/" + name);
                }
            } else {
                if (spread < 0) {
                    spread = all.size();
                    all.add("rows of task %d of %d".formatted(task, placement.taskCount()));
                }
                for (int channels = input.exchange().channelCount(placement.taskCount()); channels > 0; channels--) {
                    first.add(spread);
                }
            }
        }
        return new ChannelPartitions(first.stream().mapToInt(Integer::intValue).toArray(), all);
    }
}
