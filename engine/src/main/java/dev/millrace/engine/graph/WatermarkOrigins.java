package dev.millrace.engine.graph;

import dev.millrace.engine.operator.OperatorFactory;
import dev.millrace.engine.task.MergedWatermark;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Where in a graph the watermarks of each stage's rows are found: at the operators that assign them.
 * The rows of a source without such an operator have no watermark, and hold none back.
 *
 * <p>Thread: one.
 */
final class WatermarkOrigins {
    /** An operator that assigns watermarks. */
    private record Origin(int stageId, int operatorIndex) {}

    private final Map<Integer, Set<Origin>> originsOfStage = new HashMap<>();

    /** The stages whose tasks all see the same watermarks, and fall idle by the same marks. */
    private final Set<Integer> inStep = new HashSet<>();

    WatermarkOrigins(StreamGraph graph) {
        for (StreamGraph.Stage stage : graph.stages()) {
            Set<Origin> origins = new HashSet<>();
            for (StreamGraph.Input input : stage.inputs()) {
                origins.addAll(of(input));
            }
            originsOfStage.put(stage.id(), behind(stage, origins));
            if (staysInStep(stage)) {
                inStep.add(stage.id());
            }
        }
    }

    /** Each task is sent what all others are, or what one task is that is itself in step with the others. */
    private boolean staysInStep(StreamGraph.Stage stage) {
        return !stage.inputs().isEmpty()
                && stage.body().chain().stream().noneMatch(OperatorFactory::assignsWatermark)
                && stage.inputs().stream()
                        .allMatch(input ->
                                !(input.exchange() instanceof Exchange.Forward) || inStep.contains(input.stageId()));
    }

    /** Whether the channels of an input are kin, as {@link MergedWatermark} calls it. */
    boolean areKin(StreamGraph.Input input) {
        return inStep.contains(input.stageId());
    }

    private Set<Origin> of(StreamGraph.Input input) {
        return originsOfStage.getOrDefault(input.stageId(), Set.of());
    }

    private static Set<Origin> behind(StreamGraph.Stage stage, Set<Origin> before) {
        Set<Origin> origins = before;
        List<OperatorFactory> chain = stage.body().chain();
        for (int i = 0; i < chain.size(); i++) {
            if (chain.get(i).assignsWatermark()) {
                origins = Set.of(new Origin(stage.id(), i));
            }
        }
        return origins;
    }

    /**
     * For each input of a stage the group of its watermark, as {@link MergedWatermark} wants it: inputs
     * that share an origin, if only over others, share a group.
     */
    int[] groups(StreamGraph.Stage stage) {
        List<Set<Origin>> groups = new ArrayList<>();
        for (StreamGraph.Input input : stage.inputs()) {
            Set<Origin> joined = new HashSet<>(of(input));
            if (!joined.isEmpty()) {
                for (Set<Origin> group : List.copyOf(groups)) {
                    if (!Collections.disjoint(group, joined)) {
                        joined.addAll(group);
                        groups.remove(group);
                    }
                }
                groups.add(joined);
            }
        }
        int[] groupOfInput = new int[stage.inputs().size()];
        for (int i = 0; i < groupOfInput.length; i++) {
            groupOfInput[i] = MergedWatermark.NO_WATERMARK;
            for (int group = 0; group < groups.size(); group++) {
                if (!Collections.disjoint(groups.get(group), of(stage.inputs().get(i)))) {
                    groupOfInput[i] = group;
                }
            }
        }
        return groupOfInput;
    }
}
