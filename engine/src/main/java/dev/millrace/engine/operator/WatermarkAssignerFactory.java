package dev.millrace.engine.operator;

import java.util.function.LongSupplier;
import java.util.function.Supplier;

/**
 * Makes the {@link WatermarkAssigner} of each task.
 *
 * @param extractors makes one task's extractor
 * @param nanoClock as {@link System#nanoTime}; called by all tasks
 */
public record WatermarkAssignerFactory(
        Supplier<EventTimeExtractor> extractors,
        String name,
        long delayMicros,
        long idleAfterNanos,
        LongSupplier nanoClock)
        implements OperatorFactory {

    @Override
    public boolean assignsWatermark() {
        return true;
    }

    @Override
    public Operator create() {
        return new WatermarkAssigner(extractors.get(), delayMicros, idleAfterNanos, nanoClock);
    }
}
