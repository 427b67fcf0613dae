package dev.millrace.spark.execution;

import dev.millrace.engine.metrics.EventTimes;
import java.util.HashMap;
import java.util.Map;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;

/**
 * The one watermark of a query in bounded epochs: it moves between epochs, by the event times that were seen.
 *
 * <p>Thread: the query's. Units: milliseconds since 1970-01-01T00:00:00Z. Source: Spark's WatermarkTracker.
 */
final class GlobalWatermark {
    private static final long MICROS_PER_MILLI = 1_000;

    private final Map<String, Long> delaysMillis;
    private final boolean takesGreatest;

    /** How far each {@code withWatermark} has come since the query was started; as in Spark no log keeps it. */
    private final Map<String, Long> reachedMillis = new HashMap<>();

    private long millis;
    private @Nullable Long ofLastEpochMillis;

    /**
     * @param delaysMillis the delay of each {@code withWatermark}
     * @param takesGreatest whether the greatest of several holds, and not the least
     */
    GlobalWatermark(Map<String, Long> delaysMillis, boolean takesGreatest) {
        this.delaysMillis = Map.copyOf(delaysMillis);
        this.takesGreatest = takesGreatest;
    }

    long millis() {
        return millis;
    }

    /** The watermark of the last epoch that ran or was committed again since the query was started; null before it. */
    @Nullable
    Long ofLastEpochMillis() {
        return ofLastEpochMillis;
    }

    /** An epoch is through that had this watermark. */
    void ranWith(long epochMillis) {
        ofLastEpochMillis = epochMillis;
    }

    /** Goes on with what a checkpoint says. */
    void startFrom(long checkpointMillis) {
        millis = checkpointMillis;
    }

    /** An epoch is complete in which these event times were seen, by the names of the {@code withWatermark}s. */
    void observed(Map<String, EventTimes> seen) {
        seen.forEach((name, times) -> reachedMillis.merge(
                name,
                Math.floorDiv(times.maxMicros(), MICROS_PER_MILLI) - delaysMillis.getOrDefault(name, 0L),
                Math::max));
        LongStream all = delaysMillis.keySet().stream().mapToLong(name -> reachedMillis.getOrDefault(name, 0L));
        millis = Math.max(millis, (takesGreatest ? all.max() : all.min()).orElse(millis));
    }
}
