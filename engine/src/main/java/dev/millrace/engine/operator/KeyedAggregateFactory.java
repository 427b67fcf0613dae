package dev.millrace.engine.operator;

import java.util.function.Supplier;

/**
 * Makes the {@link KeyedAggregate} of each task.
 *
 * @param aggregates makes one task's expressions, on the task's own thread
 * @param emission how often a changed key gives its result
 */
public record KeyedAggregateFactory(Supplier<Aggregate> aggregates, String name, Emission emission)
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
