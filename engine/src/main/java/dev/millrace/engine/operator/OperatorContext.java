package dev.millrace.engine.operator;

import dev.millrace.engine.metrics.OperatorMetrics;
import dev.millrace.engine.state.MemoryBudget;
import java.util.function.LongSupplier;

/**
 * What an operator may know of its place.
 *
 * @param taskIndex this task's number within its stage, from 0
 * @param taskCount how many tasks the stage has
 * @param keyGroupCount how many key groups the query has
 * @param stateBudget the memory that keyed state of the process may take
 * @param metrics where the operator counts
 * @param time what the operator's clock says
 * @param nanoClock as {@link System#nanoTime}
 * @param lateRows where the operator leaves rows that it drops as late
 * @param firstEpoch the epoch that the first rows belong to
 */
public record OperatorContext(
        int taskIndex,
        int taskCount,
        int keyGroupCount,
        MemoryBudget stateBudget,
        OperatorMetrics metrics,
        ProcessingTime time,
        LongSupplier nanoClock,
        LateRows lateRows,
        long firstEpoch) {
    /** Of an operator whose late rows nobody asks for. */
    public OperatorContext(
            int taskIndex,
            int taskCount,
            int keyGroupCount,
            MemoryBudget stateBudget,
            OperatorMetrics metrics,
            ProcessingTime time,
            long firstEpoch) {
        this(
                taskIndex,
                taskCount,
                keyGroupCount,
                stateBudget,
                metrics,
                time,
                System::nanoTime,
                LateRows.NOWHERE,
                firstEpoch);
    }
}
