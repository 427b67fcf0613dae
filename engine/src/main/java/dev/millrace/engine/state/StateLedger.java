package dev.millrace.engine.state;

/**
 * What all tables of one operator in one task share: the memory that they took, how many rows they
 * hold, the epoch that changes belong to. Memory is reserved from the process's budget in steps, so
 * that a small table's growth costs no shared write.
 *
 * <p>Thread: the owning task. Bounds: at most two steps are reserved beyond what is used.
 */
final class StateLedger implements AutoCloseable {
    /** The stamp of what no snapshot has to write. */
    static final int BEFORE_ALL_EPOCHS = 0;

    /** What the JVM adds to an array's elements. */
    static final int ARRAY_HEADER_BYTES = 16;

    private final MemoryBudget budget;
    private final long stepBytes;
    private final boolean maySpill;
    private long reservedBytes;
    private long usedBytes;
    private long rowCount;
    private int epoch = BEFORE_ALL_EPOCHS + 1;
    private boolean freeing;
    private long earliestExpiryMicros = Long.MAX_VALUE;
    private boolean garbageNoted;
    private long spilledRowCount;
    private long spilledBytes;
    private boolean hasSpilledChanges;

    StateLedger(MemoryBudget budget) {
        this.budget = budget;
        this.stepBytes = budget.stepBytes();
        this.maySpill = budget.spill() != null;
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
                long reservation = (missing + stepBytes - 1) / stepBytes * stepBytes;
                if (maySpill) {
                    budget.reserveToSpill(reservation);
                } else {
                    budget.reserve(reservation);
                }
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
        long spareSteps = (reservedBytes - usedBytes) / stepBytes;
        if (spareSteps >= 2) {
            long released = (spareSteps - 1) * stepBytes;
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

    /** Counts entries that were put out of memory, or with less than zero came back. */
    void addSpilled(long rows, long sizeBytes) {
        spilledRowCount += rows;
        spilledBytes += sizeBytes;
    }

    /** The entries that are not in memory. */
    long spilledRowCount() {
        return spilledRowCount;
    }

    /** What the entries take that are not in memory, before they are compressed. */
    long spilledBytes() {
        return spilledBytes;
    }

    /** Says that an entry was put out of memory that had changed in this epoch. */
    void noteSpilledChange() {
        hasSpilledChanges = true;
    }

    /** Whether such an entry was noted since this was last asked. */
    boolean takeSpilledChangeNote() {
        boolean noted = hasSpilledChanges;
        hasSpilledChanges = false;
        return noted;
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
