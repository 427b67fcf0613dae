package dev.millrace.engine.graph;

import dev.millrace.engine.exchange.KeyGroupFunction;
import dev.millrace.engine.operator.PerTask;
import java.io.Serializable;

/** How the rows of one stage's tasks reach another stage's tasks. */
public sealed interface Exchange extends Serializable {
    /** Task i to task i. */
    record Forward() implements Exchange {}

    /**
     * To the task that owns the row's key group.
     *
     * @param keys what the rows are split by, for {@code explain}
     * @param functions makes the function of one producing task
     */
    record Hash(String keys, PerTask<KeyGroupFunction> functions) implements Exchange {}

    /** All rows to task 0, which owns key group 0 alone. */
    record Single() implements Exchange {}

    /** Every row to every task. */
    record Broadcast() implements Exchange {}

    /** Page by page to the tasks in turn. */
    record Rebalance() implements Exchange {}

    /** How many channels of such an edge a consuming task has. */
    default int channelCount(int taskCount) {
        return this instanceof Forward ? 1 : taskCount;
    }

    /** The name for {@code explain}, such as {@code hash(card)}. */
    default String describe() {
        return this instanceof Hash hash
                ? "hash(" + hash.keys() + ")"
                : getClass().getSimpleName().toLowerCase(java.util.Locale.ROOT);
    }
}
