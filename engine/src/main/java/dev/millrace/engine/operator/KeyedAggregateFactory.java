package dev.millrace.engine.operator;

import dev.millrace.engine.snapshot.StateSchema;
import java.util.List;
import java.util.function.Supplier;

/**
 * Makes the {@link KeyedAggregate} of each task.
 *
 * @param aggregates makes one task's expressions, on the task's own thread
 * @param emission how often a changed key gives its result
 * @param states what the state holds
 */
public record KeyedAggregateFactory(
        Supplier<Aggregate> aggregates, String name, Emission emission, List<StateSchema> states)
        implements OperatorFactory {
    public KeyedAggregateFactory {
        states = List.copyOf(states);
    }

    /** Of operators whose state nobody else reads. */
    public KeyedAggregateFactory(Supplier<Aggregate> aggregates, String name, Emission emission) {
        this(aggregates, name, emission, List.of());
    }

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
