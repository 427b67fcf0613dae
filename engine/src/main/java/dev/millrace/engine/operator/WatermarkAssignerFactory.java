package dev.millrace.engine.operator;

/**
 * Makes the {@link WatermarkAssigner} of each task.
 *
 * @param extractors makes one task's extractor
 */
public record WatermarkAssignerFactory(
        PerTask<EventTimeExtractor> extractors, String name, long delayMicros, long idleAfterNanos)
        implements OperatorFactory {

    @Override
    public boolean assignsWatermark() {
        return true;
    }

    @Override
    public Operator create() {
        return new WatermarkAssigner(extractors.get(), delayMicros, idleAfterNanos);
    }
}
