package dev.millrace.spark.metrics;

import dev.millrace.engine.graph.StageBody;
import dev.millrace.engine.graph.StreamGraph;
import dev.millrace.engine.operator.OperatorFactory;
import java.util.List;
import java.util.Locale;

/**
 * A stage of a dataflow as it is shown. It holds none of what the stage runs, which must not outlive the query.
 *
 * @param operators the names of what its chain is made of
 */
public record StageShape(int id, String name, Kind kind, List<String> operators, List<Input> inputs) {
    /** What the tasks of a stage do. */
    public enum Kind {
        READING,
        OPERATING,
        PULLING,
        WRITING;

        /** The name in lower case. */
        public String text() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /**
     * Where rows come from.
     *
     * @param how the kind of exchange, such as {@code hash(card)}
     */
    public record Input(int stageId, String side, String how) {}

    /** All stages of a graph, in their order. */
    public static List<StageShape> of(StreamGraph graph) {
        return graph.stages().stream().map(StageShape::of).toList();
    }

    private static StageShape of(StreamGraph.Stage stage) {
        return new StageShape(
                stage.id(),
                stage.name(),
                kind(stage.body()),
                stage.body().chain().stream().map(OperatorFactory::name).toList(),
                stage.inputs().stream()
                        .map(input -> new Input(
                                input.stageId(),
                                input.side().name(),
                                input.exchange().describe()))
                        .toList());
    }

    private static Kind kind(StageBody body) {
        if (body instanceof StageBody.Reading) {
            return Kind.READING;
        }
        if (body instanceof StageBody.Writing) {
            return Kind.WRITING;
        }
        return body instanceof StageBody.Pulling ? Kind.PULLING : Kind.OPERATING;
    }
}
