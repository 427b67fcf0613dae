package dev.millrace.spark.plan;

import dev.millrace.engine.graph.StageBody;
import dev.millrace.engine.graph.StreamGraph.Stage;
import dev.millrace.engine.operator.OperatorFactory;
import java.util.ArrayList;
import java.util.List;

/** What is in a planned query. */
final class Plans {
    private Plans() {}

    static List<OperatorFactory> operators(PlannedQuery planned) {
        List<OperatorFactory> operators = new ArrayList<>();
        for (Stage stage : planned.graph().stages()) {
            operators.addAll(operators(stage));
        }
        return operators;
    }

    static List<OperatorFactory> operators(Stage stage) {
        if (stage.body() instanceof StageBody.Reading reading) {
            return reading.chain();
        }
        return stage.body() instanceof StageBody.Operating operating ? operating.chain() : List.of();
    }
}
