package dev.millrace.spark.function;

import dev.millrace.engine.operator.EventTimeExtractor;
import dev.millrace.engine.operator.GroupFunction;
import dev.millrace.engine.operator.OperatorContext;
import dev.millrace.engine.operator.PerTask;
import dev.millrace.spark.fragment.TaskCopies;
import org.jspecify.annotations.Nullable;

/**
 * Makes each task's function from a copy of its own of the user's code.
 *
 * @param eventTimes makes what reads the time that tells late rows, or null where none are dropped
 * @param initialRows what state begins with at the query's first start, or null
 */
public record UserFunctions(
        TaskCopies<FunctionSpecification> specifications,
        @Nullable PerTask<EventTimeExtractor> eventTimes,
        @Nullable InitialRows initialRows)
        implements GroupFunction.Factory {
    @Override
    public GroupFunction open(OperatorContext context) {
        FunctionSpecification specification = specifications.copy();
        EventTimeExtractor times = eventTimes == null ? null : eventTimes.get();
        return specification instanceof ProcessorSpecification processor
                ? new ProcessorFunction(processor, context, times, initialRows)
                : new GroupStateFunction((GroupStateSpecification) specification, context, times, initialRows);
    }
}
