package dev.millrace.spark.execution;

import dev.millrace.engine.operator.ObservedEventTimes;
import java.util.HashMap;
import java.util.Map;
import java.util.stream.LongStream;

/**
 * The one watermark of a query in bounded epochs: it moves between epochs, by the event times that were seen.
 *
 * <p>Thread: the query's. Units: milliseconds since 1970-01-01T00:00:00Z. Source: Spark's WatermarkTracker.
 */
final class GlobalWatermark {
    private final Map<String, Long> delaysMillis;
    private final boolean takesGreatest;

    /** How far each {@code withWatermark} has come since the query was started; as in Spark no log keeps it. */
    private final Map<String, Long> reachedMillis = new HashMap<>();

    private long millis;

    /**
     * @param delaysMillis the delay of each {@code withWatermark}
     * @param takesGreatest whether the greatest of several holds, and not the least
     */
    GlobalWatermark(Map<String, Long> delaysMillis, boolean takesGreatest) {
        this.delaysMillis = Map.copyOf(delaysMillis);
        this.takesGreatest = takesGreatest;
    }

    boolean isAssigned() {
        return !delaysMillis.isEmpty();
    }

    long millis() {
        return millis;
    }

    /** Goes on with what a checkpoint says. */
    void startFrom(long checkpointMillis) {
        millis = checkpointMillis;
    }

    /** An epoch is complete in which these event times were seen, by the names of the {@code withWatermark}s. */
    void observed(Map<String, ObservedEventTimes> seen) {
        seen.forEach((name, times) ->
                reachedMillis.merge(name, times.maxMillis() - delaysMillis.getOrDefault(name, 0L), Math::max));
        LongStream all = delaysMillis.keySet().stream().mapToLong(name -> reachedMillis.getOrDefault(name, 0L));
        millis = Math.max(millis, (takesGreatest ? all.max() : all.min()).orElse(millis));
    }
}
