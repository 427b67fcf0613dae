package dev.millrace.engine.graph;

import dev.millrace.engine.epoch.BarrierTargets;
import dev.millrace.engine.source.Source;
import dev.millrace.engine.task.BarrierTarget;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** The sources of a graph that end epochs themselves, among those that are asked for barriers. */
final class PortionedSources {
    private PortionedSources() {}

    /** @param graph not the planned one: its sources are the driver's */
    static BarrierTargets of(StreamGraph graph) {
        List<BarrierTarget> sources = new ArrayList<>();
        for (StreamGraph.Stage stage : graph.stages()) {
            if (stage.body() instanceof StageBody.Reading reading
                    && reading.source().endsEpochs()) {
                sources.add(new EndOfEpoch(reading.source()));
            }
        }
        return new BarrierTargets(Set.of(), sources, 0, List.of());
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
