package dev.millrace.engine.metrics;

import org.HdrHistogram.Histogram;
import org.HdrHistogram.Recorder;

/**
 * Latencies from a row's reading to the moment after the sink took it.
 *
 * <p>Units: microseconds. Thread: written by writers, read by any. Bounds: up to one minute, three
 * significant digits; longer ones count as one minute.
 */
public final class LatencyRecorder {
    private static final long MAX_MICROS = 60_000_000L;

    private final Recorder recorder = new Recorder(MAX_MICROS, 3);

    public void record(long micros, long count) {
        recorder.recordValueWithCount(Math.max(0, Math.min(MAX_MICROS, micros)), count);
    }

    /** The latencies since the last call. */
    public synchronized Histogram interval() {
        return recorder.getIntervalHistogram();
    }
}
