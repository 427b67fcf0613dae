package dev.millrace.engine.epoch;

import dev.millrace.engine.task.BarrierTarget;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * Who is asked for a barrier, and in which order. A source that is read in portions may take a while to come to
 * the end of one. If the others had their barrier by then, their rows would wait behind it wherever the two
 * meet; so they are asked only once it has started its own.
 *
 * @param portionedStages the ids of the stages that read portions
 * @param portioned their sources and tasks, a source before its tasks
 * @param portionedTasks how many of those are tasks
 * @param others all other reading tasks
 */
public record BarrierTargets(
        Set<Integer> portionedStages, List<BarrierTarget> portioned, int portionedTasks, List<BarrierTarget> others) {
    public BarrierTargets {
        portionedStages = Set.copyOf(portionedStages);
        portioned = List.copyOf(portioned);
        others = List.copyOf(others);
    }

    /** Those of all workers. */
    public static BarrierTargets ofAll(List<BarrierTargets> workers) {
        Set<Integer> stages = new HashSet<>();
        List<BarrierTarget> portioned = new ArrayList<>();
        List<BarrierTarget> others = new ArrayList<>();
        int portionedTasks = 0;
        for (BarrierTargets worker : workers) {
            stages.addAll(worker.portionedStages());
            portioned.addAll(worker.portioned());
            others.addAll(worker.others());
            portionedTasks += worker.portionedTasks();
        }
        return new BarrierTargets(stages, portioned, portionedTasks, others);
    }

    static final BarrierTargets NONE = new BarrierTargets(Set.of(), List.of(), 0, List.of());
}
