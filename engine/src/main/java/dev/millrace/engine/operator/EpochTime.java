package dev.millrace.engine.operator;

import dev.millrace.engine.metrics.EventTimes;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * What a bounded epoch goes by: one time and one watermark, both known before its first row. Operators
 * judge a row by the watermark that the epoch before has left behind; this one is theirs once the rows
 * are through, with the epoch's barrier. In turn the operators tell which event times they saw.
 *
 * <p>Each process has one. Thread: {@link #begin} and {@link #takeObserved} the query's or, on a worker elsewhere, who
 * speaks for it; the rest any. An epoch begins on all workers before its rows are handed in, so tasks that have its rows see its
 * values.
 */
public final class EpochTime implements ProcessingTime {
    private final Map<String, EventTimes> observed = new ConcurrentHashMap<>();
    private volatile long millis;
    private volatile long watermarkMicros;

    /**
     * An epoch begins, whose predecessor is complete.
     *
     * @param epochMillis its time; units: milliseconds since 1970-01-01T00:00:00Z
     * @param epochWatermarkMicros the watermark that its end brings; units: microseconds likewise
     */
    public void begin(long epochMillis, long epochWatermarkMicros) {
        millis = epochMillis;
        watermarkMicros = epochWatermarkMicros;
    }

    @Override
    public long millis() {
        return millis;
    }

    @Override
    public boolean standsStill() {
        return true;
    }

    public long watermarkMicros() {
        return watermarkMicros;
    }

    /** Takes what tasks of one watermark saw of an epoch. */
    public void observed(String watermark, EventTimes times) {
        observed.merge(watermark, times, EventTimes::plus);
    }

    /** What was seen in the epochs since the last call, by the watermarks' names; none of those that saw no row. */
    public Map<String, EventTimes> takeObserved() {
        Map<String, EventTimes> taken = Map.copyOf(observed);
        observed.clear();
        return taken;
    }
}
