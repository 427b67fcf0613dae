package dev.millrace.engine.snapshot;

import java.util.List;

/**
 * An operator whose state a snapshot holds.
 *
 * @param name what it is, such as {@code Aggregate[keys=card]}; one that takes the state back has the same
 * @param states what it keeps for each key, as far as that is known before it runs
 */
public record StatefulOperator(String name, List<StateSchema> states) {
    public StatefulOperator {
        states = List.copyOf(states);
    }

    /** One whose entries nobody reads but itself. */
    public StatefulOperator(String name) {
        this(name, List.of());
    }
}
