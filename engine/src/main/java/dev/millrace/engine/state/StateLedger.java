package dev.millrace.engine.state;

/**
 * What all tables of one operator in one task share: the memory that they took, how many rows they
 * hold, the epoch that changes belong to. Memory is reserved from the process's budget in steps, so
 * that a small table's growth costs no shared write.
 *
 * <p>Thread: the owning task. Bounds: at most two steps are reserved beyond what is used.
 */
final class StateLedger implements AutoCloseable {
    static final long STEP_BYTES = 64 * 1024;

    /** The stamp of what no snapshot has to write. */
    static final int BEFORE_ALL_EPOCHS = 0;

    /** What the JVM adds to an array's elements. */
    static final int ARRAY_HEADER_BYTES = 16;

    private final MemoryBudget budget;
    private long reservedBytes;
    private long usedBytes;
    private long rowCount;
    private int epoch = BEFORE_ALL_EPOCHS + 1;
    private boolean freeing;
    private long earliestExpiryMicros = Long.MAX_VALUE;
    private boolean garbageNoted;
    private boolean maySpill;

    StateLedger(MemoryBudget budget) {
        this.budget = budget;
    }

    MemoryBudget budget() {
        return budget;
    }

    /**
     * Takes memory before it is allocated.
     *
     * <p>Errors: STATE_MEMORY, and nothing was taken; never while memory is being freed.
     */
    void take(long sizeBytes) {
        long missing = usedBytes + sizeBytes - reservedBytes;
        if (missing > 0) {
            if (freeing) {
                budget.reserveBeyondLimit(missing);
                reservedBytes += missing;
            } else {
                long reservation = (missing + STEP_BYTES - 1) / STEP_BYTES * STEP_BYTES;
                budget.reserve(reservation);
                reservedBytes += reservation;
            }
        }
        usedBytes += sizeBytes;
    }

    /** Takes a little memory although the limit may be passed, where what frees memory needs it. */
    void takeBeyondLimit(long sizeBytes) {
        boolean before = freeing;
        freeing = true;
        take(sizeBytes);
        freeing = before;
    }

    /** While set, what is taken frees more than itself soon: at the limit, dropping must still work. */
    void freeing(boolean now) {
        freeing = now;
    }

    void giveBack(long sizeBytes) {
        usedBytes -= sizeBytes;
        long spareSteps = (reservedBytes - usedBytes) / STEP_BYTES;
        if (spareSteps >= 2) {
            long released = (spareSteps - 1) * STEP_BYTES;
            reservedBytes -= released;
            budget.release(released);
        }
    }

    void addRows(long count) {
        rowCount += count;
    }

    long rowCount() {
        return rowCount;
    }

    long usedBytes() {
        return usedBytes;
    }

    /** The stamp that changed entries carry; epochs wrap around an int, and stamps compare for equality only. */
    int epoch() {
        return epoch;
    }

    void epoch(int newEpoch) {
        epoch = newEpoch;
    }

    /** Says that entries may be put out of memory. */
    void allowSpill() {
        maySpill = true;
    }

    boolean maySpill() {
        return maySpill;
    }

    /** Says that a table holds more garbage than it should. */
    void noteGarbage() {
        garbageNoted = true;
    }

    /** Whether garbage was noted since this was last asked. */
    boolean takeGarbageNote() {
        boolean noted = garbageNoted;
        garbageNoted = false;
        return noted;
    }

    /** No entry expires before this time. */
    long earliestExpiryMicros() {
        return earliestExpiryMicros;
    }

    void noteExpiry(long micros) {
        earliestExpiryMicros = Math.min(earliestExpiryMicros, micros);
    }

    void earliestExpiryMicros(long micros) {
        earliestExpiryMicros = micros;
    }

    @Override
    public void close() {
        budget.release(reservedBytes);
        reservedBytes = 0;
        usedBytes = 0;
        rowCount = 0;
    }
}
