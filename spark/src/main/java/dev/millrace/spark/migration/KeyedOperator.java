package dev.millrace.spark.migration;

import dev.millrace.engine.graph.StageBody;
import dev.millrace.engine.graph.StreamGraph;
import dev.millrace.engine.operator.OperatorFactory;
import dev.millrace.engine.operator.StreamJoinFactory;
import dev.millrace.engine.operator.WithLateRows;
import dev.millrace.engine.snapshot.OperatorId;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * An operator of a graph that Spark, too, keeps state for.
 *
 * @param factory without what is added for late rows
 * @param watermarkMicros how far the rows that it takes have come, or {@link Long#MIN_VALUE} where they have no
 *     watermark
 */
record KeyedOperator(OperatorId id, OperatorFactory factory, long watermarkMicros) {
    /** Orders the operators of a graph. */
    private static final class Order {
        private final StreamGraph graph;
        private final Map<Integer, Long> watermarkOfStage = new HashMap<>();
        private final Map<OperatorId, Long> watermarks = new HashMap<>();
        private final List<KeyedOperator> operators = new ArrayList<>();

        Order(StreamGraph graph, long assignedMicros) {
            this.graph = graph;
            for (StreamGraph.Stage stage : graph.stages()) {
                watermarkOfStage.put(stage.id(), behind(stage, assignedMicros));
            }
        }

        /** How far rows have come behind a stage. A join's may lie behind its input's. */
        private long behind(StreamGraph.Stage stage, long assignedMicros) {
            long watermark = stage.inputs().stream()
                    .mapToLong(input -> watermarkOfStage.getOrDefault(input.stageId(), Long.MIN_VALUE))
                    .filter(micros -> micros != Long.MIN_VALUE) // such rows hold none back
                    .min()
                    .orElse(Long.MIN_VALUE);
            List<OperatorFactory> chain = stage.body().chain();
            for (int i = 0; i < chain.size(); i++) {
                OperatorFactory factory = plain(chain.get(i));
                watermarks.put(new OperatorId(stage.id(), i), watermark);
                if (factory.assignsWatermark()) {
                    watermark = assignedMicros;
                } else if (factory instanceof StreamJoinFactory join && watermark != Long.MIN_VALUE) {
                    watermark -= join.outputDelayMicros();
                }
            }
            return watermark;
        }

        /** From what the sink takes down to the sources, the left input first, as Spark numbers its own. */
        void visit(StreamGraph.Stage stage) {
            List<OperatorFactory> chain = stage.body().chain();
            for (int i = chain.size() - 1; i >= 0; i--) {
                OperatorId id = new OperatorId(stage.id(), i);
                if (isSparks(chain.get(i))) {
                    operators.add(
                            new KeyedOperator(id, plain(chain.get(i)), watermarks.getOrDefault(id, Long.MIN_VALUE)));
                }
            }
            stage.inputs().forEach(input -> visit(graph.stages().get(input.stageId())));
        }
    }

    /**
     * The operators in the order of Spark's numbers for them: those of its IncrementalExecution, which go down the plan.
     *
     * @param assignedMicros the query's watermark, or {@link Long#MIN_VALUE} for none
     */
    static List<KeyedOperator> inSparksOrder(StreamGraph graph, long assignedMicros) {
        Order order = new Order(graph, assignedMicros);
        for (StreamGraph.Stage stage : graph.stages()) {
            if (stage.body() instanceof StageBody.Writing && !stage.isLate()) {
                order.visit(stage);
            }
        }
        return List.copyOf(order.operators);
    }

    private static OperatorFactory plain(OperatorFactory factory) {
        return factory instanceof WithLateRows with ? with.operator() : factory;
    }

    /** Watermarks are no state of Spark's. */
    private static boolean isSparks(OperatorFactory factory) {
        return factory.keepsState() && !factory.assignsWatermark();
    }
}
