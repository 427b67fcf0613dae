package dev.millrace.engine.operator;

import java.util.function.Supplier;

/**
 * Makes the {@link KeyedAggregate} of each task.
 *
 * @param aggregates makes one task's expressions, on the task's own thread
 * @param everyChange whether each row gives a result, instead of at most one per key and page
 */
public record KeyedAggregateFactory(Supplier<Aggregate> aggregates, String name, boolean everyChange)
        implements OperatorFactory {

    @Override
    public boolean keepsState() {
        return true;
    }

    @Override
    public Operator create() {
        return new KeyedAggregate(aggregates, everyChange);
    }
}
