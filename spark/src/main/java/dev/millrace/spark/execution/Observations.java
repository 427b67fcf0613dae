package dev.millrace.spark.execution;

import dev.millrace.engine.epoch.CompletedEpoch;
import dev.millrace.engine.graph.StreamGraph;
import dev.millrace.engine.operator.OperatorFactory;
import dev.millrace.engine.snapshot.OperatorId;
import dev.millrace.spark.aggregate.Observation;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.spark.sql.Row;

/**
 * The metrics that a query's {@code observe()} calls make of each epoch, by name. Of one that stands in
 * several branches of a plan the last branch counts, as in Spark.
 *
 * <p>Thread: the query's.
 */
final class Observations {
    private final TreeMap<OperatorId, Observation> observations = new TreeMap<>();

    Observations(StreamGraph graph) {
        for (StreamGraph.Stage stage : graph.stages()) {
            List<OperatorFactory> chain = stage.body().chain();
            for (int i = 0; i < chain.size(); i++) {
                if (chain.get(i) instanceof Observation observation) {
                    observations.put(new OperatorId(stage.id(), i), observation);
                }
            }
        }
    }

    /** The metrics of one epoch. */
    Map<String, Row> of(CompletedEpoch epoch) {
        Map<String, Row> metrics = new HashMap<>();
        observations.forEach((operator, observation) -> metrics.put(
                observation.metricsName(), observation.row(epoch.observations().getOrDefault(operator, List.of()))));
        return metrics;
    }
}
