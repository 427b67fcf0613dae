package dev.millrace.spark.execution;

import dev.millrace.spark.source.OffsetJson;
import dev.millrace.spark.source.SparkSource;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.spark.sql.connector.read.streaming.Offset;
import org.jspecify.annotations.Nullable;

/**
 * Somebody waits until the query has committed what its sources hold now, or a given offset.
 *
 * <p>A source is drained when the target is reached, or where one may not be known or never be reached, when
 * epochs were quiet for a while.
 *
 * <p>Thread: made and waited for by any; the rest is the query's.
 */
final class Drain {
    private final CountDownLatch done = new CountDownLatch(1);

    /** The one source and offset that is waited for; null for all sources and what they hold. */
    private final @Nullable Wanted wanted;

    private @Nullable Map<SparkSource, SparkSource.Target> targets;
    private final Map<SparkSource, Long> quietSince = new HashMap<>();
    private long firstEpoch = -1;

    record Wanted(int sourceIndex, Offset offset) {}

    Drain(@Nullable Wanted wanted) {
        this.wanted = wanted;
    }

    /** Takes what the sources hold at this moment as the targets. */
    void begin(QuerySources sources) {
        Map<SparkSource, SparkSource.Target> found = new HashMap<>();
        for (SparkSource source : sources.sources()) {
            if (wanted == null) {
                found.put(source, source.targetNow());
            } else if (source.stream() == sources.occurrences().get(wanted.sourceIndex())) {
                found.put(source, given(source, wanted.offset()));
            }
        }
        targets = found;
        if (wanted != null && isDone(found)) {
            done.countDown();
        }
    }

    private static SparkSource.Target given(SparkSource source, Offset target) {
        return () -> source.committed()
                .filter(offset -> OffsetJson.hasReached(offset.json(), target.json()))
                .isPresent();
    }

    /** The number of the first epoch whose barrier was asked for since. */
    void asked(long epoch) {
        if (firstEpoch < 0) {
            firstEpoch = epoch;
        }
    }

    /** An epoch was committed; gives whether nothing is left to wait for. */
    boolean committed(long epoch, Map<SparkSource, Long> rowsRead) {
        if (targets == null || firstEpoch < 0 || epoch < firstEpoch) {
            return false;
        }
        long now = System.nanoTime();
        for (SparkSource source : targets.keySet()) {
            if (rowsRead.getOrDefault(source, 0L) > 0) {
                quietSince.put(source, now);
            } else {
                quietSince.putIfAbsent(source, now);
            }
        }
        return isDone(targets);
    }

    private boolean isDone(Map<SparkSource, SparkSource.Target> wantedPoints) {
        for (Map.Entry<SparkSource, SparkSource.Target> entry : wantedPoints.entrySet()) {
            SparkSource.Target target = entry.getValue();
            if (!target.isReached() && !isQuiet(entry.getKey(), target.quietNanos())) {
                return false;
            }
        }
        return true;
    }

    private boolean isQuiet(SparkSource source, long enoughNanos) {
        Long since = quietSince.get(source);
        return since != null && System.nanoTime() - since >= enoughNanos;
    }

    void finish() {
        done.countDown();
    }

    boolean isFinished() {
        return done.getCount() == 0;
    }

    /** Waits for a while; gives whether it is done. Thread: any. */
    boolean await(long timeoutMillis) throws InterruptedException {
        return done.await(timeoutMillis, TimeUnit.MILLISECONDS);
    }
}
