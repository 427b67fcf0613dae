package dev.millrace.engine.state;

import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * The memory that keyed state of this process may take, shared by all queries. Where state may spill,
 * it does so from three quarters of the limit on, and may pass the limit by a quarter for as long as a
 * page is being taken in; what cannot be made to fit then is an error, as it is at the limit for what
 * may not spill.
 *
 * <p>Thread: any.
 */
public final class MemoryBudget {
    private static final long MOST_STEP_BYTES = 64 * 1024;
    private static final long LEAST_STEP_BYTES = 1024;

    private final long limitBytes;
    private final long spillBytes;
    private final @Nullable SpillStore spill;
    private final AtomicLong usedBytes = new AtomicLong();

    /** A budget beyond which state is an error. */
    public MemoryBudget(long limitBytes) {
        this.limitBytes = limitBytes;
        this.spillBytes = Long.MAX_VALUE;
        this.spill = null;
    }

    /** A budget near whose end state spills. */
    public MemoryBudget(long limitBytes, SpillFolder.Maker folders) {
        this(limitBytes, folders, limitBytes / 4 * 3);
    }

    /**
     * @param folders makes a folder for what is spilled, when something is
     * @param spillBytes from how much on states spill what they have not changed of late; from a sixth
     *     more on they spill anything
     */
    public MemoryBudget(long limitBytes, SpillFolder.Maker folders, long spillBytes) {
        this.limitBytes = limitBytes;
        this.spillBytes = spillBytes;
        this.spill = new SpillStore(this, folders);
    }

    /** Where state goes when the budget is nearly used, or null. */
    @Nullable
    SpillStore spill() {
        return spill;
    }

    /** Whether state is outside of memory now, and so has files. */
    public boolean isSpilling() {
        return spill != null && spill.isOpen();
    }

    /** Whether so much is used that states should spill what they have not changed of late. */
    boolean isNearlyUsed() {
        return usedBytes.get() > spillBytes;
    }

    /** Whether so much is used that states have to spill what they can. */
    boolean isAlmostUsed() {
        return usedBytes.get() > spillBytes + spillBytes / 6;
    }

    /** In what portions states are to reserve, so that what they have in reserve is little beside the limit. */
    long stepBytes() {
        return Math.max(LEAST_STEP_BYTES, Math.min(MOST_STEP_BYTES, limitBytes >>> 10));
    }

    /** Errors: STATE_MEMORY when the limit would be passed; then nothing was reserved. */
    public void reserve(long sizeBytes) {
        reserve(sizeBytes, limitBytes);
    }

    /** Reserves for what can spill when it next may. Errors: as {@link #reserve}, a quarter above the limit. */
    void reserveToSpill(long sizeBytes) {
        reserve(sizeBytes, limitBytes + limitBytes / 4);
    }

    private void reserve(long sizeBytes, long mostBytes) {
        long used = usedBytes.addAndGet(sizeBytes);
        if (used > mostBytes) {
            usedBytes.addAndGet(-sizeBytes);
            throw new MillraceException(
                    ErrorCode.STATE_MEMORY,
                    "Cannot keep more state in memory: usedBytes=%d, requestedBytes=%d, limitBytes=%d. Raise "
                                    .formatted(used - sizeBytes, sizeBytes, limitBytes)
                            + "spark.millrace.state.memory or the process's heap, keep less under one key, or bound the state by a watermark.");
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
