package dev.millrace.engine.state;

import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import java.util.concurrent.atomic.AtomicLong;

/**
 * The memory that keyed state may take, shared by all tasks and queries of a process. Tables reserve
 * before they grow and give back what they drop.
 *
 * <p>Thread: any.
 */
public final class MemoryBudget {
    private final long limitBytes;
    private final AtomicLong usedBytes = new AtomicLong();

    public MemoryBudget(long limitBytes) {
        this.limitBytes = limitBytes;
    }

    /** Errors: STATE_MEMORY when the limit would be passed; then nothing was reserved. */
    public void reserve(long sizeBytes) {
        long used = usedBytes.addAndGet(sizeBytes);
        if (used > limitBytes) {
            usedBytes.addAndGet(-sizeBytes);
            throw new MillraceException(
                    ErrorCode.STATE_MEMORY,
                    "Cannot keep more state in memory: usedBytes=%d, requestedBytes=%d, limitBytes=%d. Raise "
                                    .formatted(used - sizeBytes, sizeBytes, limitBytes)
                            + "spark.millrace.state.memory or the process's heap, or bound the state by a watermark.");
        }
    }

    /** Reserves even beyond the limit, for a moment, what is needed to give more back. */
    void reserveBeyondLimit(long sizeBytes) {
        usedBytes.addAndGet(sizeBytes);
    }

    public void release(long sizeBytes) {
        usedBytes.addAndGet(-sizeBytes);
    }

    public long usedBytes() {
        return usedBytes.get();
    }

    public long limitBytes() {
        return limitBytes;
    }
}
