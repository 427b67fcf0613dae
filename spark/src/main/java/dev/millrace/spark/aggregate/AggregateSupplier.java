package dev.millrace.spark.aggregate;

import dev.millrace.engine.operator.Aggregate;
import dev.millrace.engine.operator.PerTask;
import dev.millrace.spark.fragment.TaskCopies;

/**
 * Makes one task's aggregation, of the kind that its functions' buffers call for.
 *
 * <p>Thread: any; what is made belongs to the calling task.
 */
public final class AggregateSupplier implements PerTask<Aggregate> {
    private static final long serialVersionUID = 1L;

    private final TaskCopies<AggregateSpecification> specifications;

    /** Errors: Spark's own where a function cannot be serialized. */
    public AggregateSupplier(AggregateSpecification specification) {
        this.specifications = TaskCopies.of(specification);
    }

    @Override
    public Aggregate get() {
        AggregateSpecification specification = specifications.copy();
        FunctionSet functions = new FunctionSet(specification.aggregates(), specification.input());
        return functions.fitsInBytes()
                ? new BytesAggregate(specification, functions)
                : new ObjectsAggregate(specification, functions);
    }
}
