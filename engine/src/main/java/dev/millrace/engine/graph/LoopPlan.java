package dev.millrace.engine.graph;

import dev.millrace.engine.exchange.Signal;
import dev.millrace.engine.task.Step;
import java.util.ArrayList;
import java.util.List;

/**
 * The steps that share one loop.
 *
 * @param name the thread's name
 * @param taskIndex the number of the tasks on it
 * @param mayBlock whether a step waits for the outside, so that only an interrupt ends it in time
 * @param signal what wakes the loop
 * @param steps in the order of the flow
 */
record LoopPlan(String name, int taskIndex, boolean mayBlock, Signal signal, List<Step> steps) {
    static LoopPlan of(String name, int taskIndex, boolean mayBlock) {
        return of(name, taskIndex, mayBlock, new Signal());
    }

    static LoopPlan of(String name, int taskIndex, boolean mayBlock, Signal signal) {
        return new LoopPlan(name, taskIndex, mayBlock, signal, new ArrayList<>());
    }
}
