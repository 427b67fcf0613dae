package dev.millrace.bench.epochs;

import java.util.concurrent.atomic.AtomicLong;
import org.HdrHistogram.ConcurrentHistogram;
import org.HdrHistogram.Histogram;
import org.apache.spark.sql.ForeachWriter;
import org.apache.spark.sql.Row;

/**
 * Takes the query's rows, as a sink: the time from when an update was due to its result, in microseconds.
 * One for the process, because Spark copies writers.
 *
 * <p>Thread: any.
 */
final class UpdateMeter extends ForeachWriter<Row> {
    private static final long serialVersionUID = 1L;
    private static final AtomicLong FILLED = new AtomicLong();
    private static final Histogram MICROS = new ConcurrentHistogram(3);
    private static volatile boolean measuring;
    private static volatile long firstUpdateNanos;

    /** Keys that were filled in. */
    static long filled() {
        return FILLED.get();
    }

    static void measure(boolean on) {
        measuring = on;
    }

    static Histogram micros() {
        return MICROS;
    }

    /** Forgets the first update, for {@link #firstUpdateNanos} to tell of the next one. */
    static void awaitFirstUpdate() {
        firstUpdateNanos = 0;
    }

    /** When the first update's result came; 0 until then. */
    static long firstUpdateNanos() {
        return firstUpdateNanos;
    }

    @Override
    public boolean open(long partitionId, long epochId) {
        return true;
    }

    @Override
    public void process(Row row) {
        long dueNanos = row.getLong(0);
        if (dueNanos == 0) {
            FILLED.incrementAndGet();
            return;
        }
        long now = System.nanoTime();
        if (firstUpdateNanos == 0) {
            firstUpdateNanos = now;
        }
        if (measuring) {
            MICROS.recordValue(Math.max(0, now - dueNanos) / 1_000);
        }
    }

    @Override
    public void close(Throwable error) {}
}
