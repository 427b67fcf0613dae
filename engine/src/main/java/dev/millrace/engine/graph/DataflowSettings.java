package dev.millrace.engine.graph;

import dev.millrace.engine.operator.ProcessingTime;
import dev.millrace.engine.state.MemoryBudget;
import org.jspecify.annotations.Nullable;

/**
 * How a graph is run.
 *
 * @param name the query's name or id, for thread names
 * @param placement which tasks this worker runs, and on how many loops
 * @param keyGroupCount units of state ownership
 * @param firstEpoch the epoch that the first rows belong to
 * @param stateBudget memory for keyed state
 * @param durability where state is kept, or null when it is not
 * @param time the query's clock
 */
public record DataflowSettings(
        String name,
        Placement placement,
        int keyGroupCount,
        long firstEpoch,
        MemoryBudget stateBudget,
        @Nullable Durability durability,
        ProcessingTime time) {}
