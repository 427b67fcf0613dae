package dev.millrace.engine.task;

import dev.millrace.engine.operator.Operator;
import dev.millrace.engine.operator.OperatorContext;
import java.util.List;
import java.util.function.LongSupplier;

/** What every task with a chain is made of. */
public final class TaskParts {
    private final Chain chain;
    private final TaskFlow flow;
    private final List<OperatorContext> contexts;
    private final TaskReports reports;

    /**
     * @param operators the chain, in order; may be empty
     * @param contexts the context of each operator by its place in the chain
     * @param edges where rows go
     * @param nanoClock the clock of what happens by time
     */
    public TaskParts(
            List<Operator> operators,
            List<OperatorContext> contexts,
            List<OutputEdge> edges,
            LongSupplier nanoClock,
            TaskReports reports) {
        TaskOutput output = new TaskOutput(edges);
        this.chain = new Chain(operators, output);
        this.flow = new TaskFlow(chain, output, nanoClock);
        this.contexts = contexts;
        this.reports = reports;
    }

    Chain chain() {
        return chain;
    }

    TaskFlow flow() {
        return flow;
    }

    List<OperatorContext> contexts() {
        return contexts;
    }

    TaskReports reports() {
        return reports;
    }
}
