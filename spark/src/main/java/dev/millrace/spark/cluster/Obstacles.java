package dev.millrace.spark.cluster;

import dev.millrace.engine.graph.StageBody;
import dev.millrace.engine.graph.StreamGraph;
import java.util.Optional;
import org.apache.spark.sql.connector.catalog.Table;
import org.apache.spark.sql.execution.streaming.sources.ContinuousMemorySink;
import org.apache.spark.util.Clock;
import org.apache.spark.util.SystemClock;

/** What keeps a query in the driver's process, because a part of it shares memory with the driver. */
public final class Obstacles {
    private Obstacles() {}

    /**
     * Why a query may not run on workers elsewhere, nor on more than one, in words that go on behind "because";
     * empty where it may.
     *
     * @param graph as it was planned from the query, with its driver's sources
     * @param clock what triggers go by
     */
    public static Optional<String> of(StreamGraph graph, Table sink, Clock clock) {
        for (StreamGraph.Stage stage : graph.stages()) {
            if (stage.body() instanceof StageBody.Reading reading
                    && reading.source().endsEpochs()) {
                return Optional.of("source=%s is read batch by batch, in portions that the driver hands to its readers"
                        .formatted(reading.source().name()));
            }
        }
        if (sink instanceof ContinuousMemorySink) {
            return Optional.of("sink=%s has a write of its own for each epoch, which the driver makes".formatted(sink));
        }
        if (!(clock instanceof SystemClock)) {
            return Optional.of(
                    "clock=%s is the driver's".formatted(clock.getClass().getSimpleName()));
        }
        return Optional.empty();
    }
}
