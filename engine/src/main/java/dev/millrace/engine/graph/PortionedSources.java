package dev.millrace.engine.graph;

import dev.millrace.engine.epoch.BarrierTargets;
import dev.millrace.engine.source.PortionTarget;
import dev.millrace.engine.source.Source;
import dev.millrace.engine.task.BarrierTarget;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.IntFunction;

/** The sources of a graph that are read in portions and end epochs themselves, in the driver. Thread: the query's. */
public final class PortionedSources {
    private final Map<Integer, Source> sources = new TreeMap<>();
    private final boolean areAll;

    /** @param graph not the planned one: its sources are the driver's */
    public PortionedSources(StreamGraph graph) {
        boolean all = true;
        for (StreamGraph.Stage stage : graph.stages()) {
            if (stage.body() instanceof StageBody.Reading reading) {
                boolean isPortioned = reading.source().endsEpochs();
                all &= isPortioned;
                if (isPortioned) {
                    sources.put(stage.id(), reading.source());
                }
            }
        }
        areAll = all;
    }

    /** The ids of the stages that read them. */
    public Set<Integer> stages() {
        return Set.copyOf(sources.keySet());
    }

    /** Whether the graph has no other sources. */
    public boolean areAll() {
        return areAll;
    }

    /**
     * Tells them where their portions go.
     *
     * @param workers for each worker, what it has of a stage
     */
    public void connect(List<? extends IntFunction<? extends PortionTarget>> workers) {
        sources.forEach((stage, source) -> source.connect(
                workers.stream().map(worker -> worker.apply(stage)).toList()));
    }

    /** They themselves, among those that are asked for barriers. */
    public BarrierTargets barrierTargets() {
        List<BarrierTarget> targets = new ArrayList<>();
        sources.values().forEach(source -> targets.add(new EndOfEpoch(source)));
        return new BarrierTargets(Set.of(), targets, 0, List.of());
    }

    private record EndOfEpoch(Source source) implements BarrierTarget {
        @Override
        public void requestBarrier(long epoch) {
            source.endEpoch(epoch);
        }

        @Override
        public void requestLastBarrier(long epoch) {
            source.endEpoch(epoch);
        }
    }
}
