package dev.millrace.engine.operator;


/**
 * Makes the {@link KeyedAggregate} of each task.
 *
 * @param aggregates makes one task's expressions, on the task's own thread
 * @param emission how often a changed key gives its result
 */
public record KeyedAggregateFactory(PerTask<Aggregate> aggregates, String name, Emission emission)
        implements OperatorFactory {

    @Override
    public boolean keepsState() {
        return true;
    }

    @Override
    public boolean dropsLateRows() {
        return true;
    }

    @Override
    public Operator create() {
        return new KeyedAggregate(aggregates, emission);
    }
}
