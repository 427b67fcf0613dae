package dev.millrace.spark.source;

import dev.millrace.engine.source.PartitionOutput;
import dev.millrace.engine.source.SourceReader;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * Polls, in the driver, a source that can only be read batch by batch, and hands in a portion of whatever is new. Reads no
 * partition itself; it is a reader because polling may wait for the outside.
 *
 * <p>Thread: the reader's.
 */
final class PortionPlanner implements SourceReader {
    /** Looking in vain takes at most a tenth of the time, however slow it is: listing an object store is. */
    private static final int WAIT_PER_LOOK = 9;

    private final PortionedSource source;
    private final HandedPortions portions;
    private final long intervalNanos;

    PortionPlanner(PortionedSource source, HandedPortions portions, long intervalNanos) {
        this.source = source;
        this.portions = portions;
        this.intervalNanos = intervalNanos;
    }

    @Override
    public void open(List<PartitionOutput> outputs) {}

    @Override
    public boolean read() throws InterruptedException {
        portions.awaitSettled();
        long start = System.nanoTime();
        if (!source.poll()) {
            long took = System.nanoTime() - start;
            TimeUnit.NANOSECONDS.sleep(Math.max(intervalNanos, took * WAIT_PER_LOOK));
        }
        return true;
    }
}
