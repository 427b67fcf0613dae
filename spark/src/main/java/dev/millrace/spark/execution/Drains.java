package dev.millrace.spark.execution;

import dev.millrace.spark.source.SparkSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;

/**
 * Who waits for a query to be drained. While anyone does, epochs end early, one after the other with
 * a short breath between them.
 *
 * <p>Thread: {@link #add} any, the rest the query's.
 */
final class Drains {
    private static final long BREATH_NANOS = TimeUnit.MILLISECONDS.toNanos(20);

    private final Queue<Drain> added = new ConcurrentLinkedQueue<>();
    private final List<Drain> waiting = new ArrayList<>();
    private long notBeforeNanos = System.nanoTime();

    void add(Drain drain) {
        added.add(drain);
    }

    /** Fixes the targets of those that came since the last call. */
    void begin(QuerySources sources) {
        for (Drain drain = added.poll(); drain != null; drain = added.poll()) {
            drain.begin(sources);
            if (!drain.isFinished()) {
                waiting.add(drain);
            }
        }
    }

    /** How long until an epoch is to end early; very long while nobody waits. */
    long remainingNanos() {
        return waiting.isEmpty() ? Long.MAX_VALUE : Math.max(0, notBeforeNanos - System.nanoTime());
    }

    /** A barrier was asked for. */
    void asked(long epoch) {
        waiting.forEach(drain -> drain.asked(epoch));
    }

    /** An epoch was committed. */
    void committed(long epoch, Map<SparkSource, Long> rowsRead) {
        notBeforeNanos = System.nanoTime() + BREATH_NANOS;
        waiting.removeIf(drain -> {
            boolean done = drain.committed(epoch, rowsRead);
            if (done) {
                drain.finish();
            }
            return done;
        });
    }

    /** Lets everybody go: the query is over. */
    void close() {
        for (Drain drain = added.poll(); drain != null; drain = added.poll()) {
            drain.finish();
        }
        waiting.forEach(Drain::finish);
    }
}
