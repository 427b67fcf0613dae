package dev.millrace.engine.state;

import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * The memory that keyed state may take, shared by all tasks and queries of a process. Tables reserve
 * before they grow and give back what they drop.
 *
 * <p>Thread: any.
 */
public final class MemoryBudget {
    private final long limitBytes;
    private final @Nullable SpillStore spill;
    private final long spillFromBytes;
    private final AtomicLong usedBytes = new AtomicLong();

    /** A budget beyond which state is an error. */
    public MemoryBudget(long limitBytes) {
        this(limitBytes, null);
    }

    /** @param spill where state goes when the budget is nearly used, or null for nowhere */
    public MemoryBudget(long limitBytes, @Nullable SpillStore spill) {
        this(limitBytes, spill, limitBytes - limitBytes / 4);
    }

    /** @param spillFromBytes from how much on states spill what they have not used of late */
    public MemoryBudget(long limitBytes, @Nullable SpillStore spill, long spillFromBytes) {
        this.limitBytes = limitBytes;
        this.spill = spill;
        this.spillFromBytes = spillFromBytes;
    }

    /** Where state goes when the budget is nearly used, or null. */
    @Nullable
    SpillStore spill() {
        return spill;
    }

    /** Whether so much is used that states should spill what they have not used of late. */
    boolean isNearlyUsed() {
        return usedBytes.get() > spillFromBytes;
    }

    /** Whether so much is used that states have to spill what they can. */
    boolean isAlmostUsed() {
        return usedBytes.get() > spillFromBytes + (limitBytes - spillFromBytes) / 2;
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
