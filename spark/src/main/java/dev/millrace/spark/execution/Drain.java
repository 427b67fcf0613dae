package dev.millrace.spark.execution;

import dev.millrace.spark.source.OffsetJson;
import dev.millrace.spark.source.SparkSource;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.spark.sql.connector.read.streaming.Offset;
import org.jspecify.annotations.Nullable;

/**
 * Somebody waits until the query has committed what its sources hold now, or a given offset.
 *
 * <p>A source is drained when its committed offset has reached the target. Where there is no target
 * (continuous streams cannot tell) or it is never reached (Kafka's counts records that no consumer
 * sees), quiet epochs decide: no row for a while.
 *
 * <p>Thread: made and waited for by any; the rest is the query's.
 */
final class Drain {
    private static final long QUIET_WITHOUT_TARGET_NANOS = TimeUnit.MILLISECONDS.toNanos(300);
    private static final long QUIET_WITH_TARGET_NANOS = TimeUnit.SECONDS.toNanos(2);

    private final CountDownLatch done = new CountDownLatch(1);

    /** The one source and offset that is waited for; null for all sources and what they hold. */
    private final @Nullable Wanted wanted;

    private @Nullable Map<SparkSource, Optional<Offset>> targets;
    private final Map<SparkSource, Long> quietSince = new HashMap<>();
    private long firstEpoch = -1;

    record Wanted(int sourceIndex, Offset offset) {}

    Drain(@Nullable Wanted wanted) {
        this.wanted = wanted;
    }

    /** Takes the sources' offsets of this moment as the targets. */
    void begin(QuerySources sources) {
        Map<SparkSource, Optional<Offset>> found = new HashMap<>();
        List<SparkSource> all = sources.sources();
        for (SparkSource source : all) {
            if (wanted == null) {
                found.put(source, source.latest());
            } else if (source.stream() == sources.occurrences().get(wanted.sourceIndex())) {
                found.put(source, Optional.of(wanted.offset()));
            }
        }
        targets = found;
        if (wanted != null && isDone(found)) {
            done.countDown();
        }
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

    private boolean isDone(Map<SparkSource, Optional<Offset>> wantedOffsets) {
        for (Map.Entry<SparkSource, Optional<Offset>> entry : wantedOffsets.entrySet()) {
            Optional<Offset> target = entry.getValue();
            boolean reached = target.isPresent()
                    && OffsetJson.hasReached(
                            entry.getKey().committed().json(), target.get().json());
            if (!reached && !isQuiet(entry.getKey(), target.isPresent())) {
                return false;
            }
        }
        return true;
    }

    private boolean isQuiet(SparkSource source, boolean hasTarget) {
        if (wanted != null) {
            return false;
        }
        Long since = quietSince.get(source);
        long enough = hasTarget ? QUIET_WITH_TARGET_NANOS : QUIET_WITHOUT_TARGET_NANOS;
        return since != null && System.nanoTime() - since >= enough;
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
