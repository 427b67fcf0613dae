package dev.millrace.engine.metrics;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.HdrHistogram.Histogram;
import org.HdrHistogram.Recorder;
import org.jspecify.annotations.Nullable;

/**
 * Latencies from a row's reading to the moment after the sink took it.
 *
 * <p>Units: microseconds. Thread: any. Bounds: up to one minute, three significant digits; longer ones count as one
 * minute. About 140 KB for each {@link Reader}.
 */
public final class LatencyRecorder {
    private static final long MAX_MICROS = 60_000_000L;
    private static final int DIGITS = 3;

    private final Recorder recorder = new Recorder(MAX_MICROS, DIGITS);
    private final List<Reader> readers = new CopyOnWriteArrayList<>();
    private @Nullable Histogram recycled;

    public void record(long micros, long count) {
        recorder.recordValueWithCount(Math.max(0, Math.min(MAX_MICROS, micros)), count);
    }

    /** What was recorded in another process. */
    public void add(Histogram elsewhere) {
        readers.forEach(reader -> reader.add(elsewhere));
    }

    /** Somebody who looks at intervals of their own; there are few, for as long as the recorder lives. */
    public Reader newReader() {
        Reader reader = new Reader();
        readers.add(reader);
        return reader;
    }

    /** Gives every reader what was recorded since the last time. */
    private synchronized void handOut() {
        Histogram since = recorder.getIntervalHistogram(recycled);
        recycled = since;
        if (since.getTotalCount() > 0) {
            readers.forEach(reader -> reader.add(since));
        }
    }

    /** One view on what is recorded. */
    public final class Reader {
        private Histogram gathered = new Histogram(MAX_MICROS, DIGITS);

        private Reader() {}

        private synchronized void add(Histogram since) {
            gathered.add(since);
        }

        /** The latencies since this reader's last call. */
        public Histogram interval() {
            handOut();
            synchronized (this) {
                Histogram interval = gathered;
                gathered = new Histogram(MAX_MICROS, DIGITS);
                return interval;
            }
        }
    }
}
