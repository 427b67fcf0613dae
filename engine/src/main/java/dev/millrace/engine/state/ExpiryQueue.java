package dev.millrace.engine.state;

import java.util.Arrays;

/**
 * The entries of one table that expire, ordered by time. Entries of one time form a chain through
 * their headers, and a binary heap orders the chains; so the few end times of windows cost a few
 * chains, and times that are all different one chain each. A small cache finds the chain of a time;
 * where it misses, a second chain of the same time is as good.
 *
 * <p>Thread: the owning task. Bounds: one chain per entry, 12 bytes each.
 */
final class ExpiryQueue {
    private static final int CHAIN_BYTES = Long.BYTES + Integer.BYTES;
    private static final int CACHE_BITS = 3;
    private static final int CACHE_SIZE = 1 << CACHE_BITS;
    private static final int CACHE_BYTES = CACHE_SIZE * CHAIN_BYTES;
    private static final int FIRST_CAPACITY = 4;
    private static final long[] NO_TIMES = new long[0];
    private static final int[] NO_HEADS = new int[0];

    private final StateLedger ledger;
    private long[] times = NO_TIMES;
    private int[] heads = NO_HEADS;
    private int size;
    private long[] cachedTimes = NO_TIMES;
    private int[] cachedHeads = NO_HEADS;

    ExpiryQueue(StateLedger ledger) {
        this.ledger = ledger;
    }

    /** Makes sure that the next {@link #add} needs no memory. Errors: STATE_MEMORY. */
    void makeRoom() {
        if (size == times.length) {
            int capacity = Math.max(FIRST_CAPACITY, times.length + times.length / 2);
            int cacheBytes = times.length == 0 ? CACHE_BYTES : 0;
            ledger.take((long) (capacity - times.length) * CHAIN_BYTES + cacheBytes);
            grow(capacity);
        }
    }

    private void grow(int capacity) {
        if (times.length == 0) {
            cachedTimes = new long[CACHE_SIZE];
            cachedHeads = new int[CACHE_SIZE];
        }
        times = Arrays.copyOf(times, capacity);
        heads = Arrays.copyOf(heads, capacity);
    }

    /**
     * Takes an entry in. Returns the entry that it is to be chained behind, or {@link EntryArena#NONE}
     * when it starts a chain of its own.
     */
    int add(long timeMicros, int entry) {
        int cached = (int) ((timeMicros * 0x9E3779B97F4A7C15L) >>> (Long.SIZE - CACHE_BITS));
        if (cachedTimes[cached] == timeMicros && cachedHeads[cached] != EntryArena.NONE) {
            return cachedHeads[cached];
        }
        cachedTimes[cached] = timeMicros;
        cachedHeads[cached] = entry;
        siftUp(size++, timeMicros, entry);
        return EntryArena.NONE;
    }

    /** Takes a chain back whose first entries were taken from it. {@link #makeRoom} comes before. */
    void addChain(long timeMicros, int head) {
        siftUp(size++, timeMicros, head);
    }

    /** The earliest time, or {@link Long#MAX_VALUE} when nothing expires. */
    long earliestMicros() {
        return size == 0 ? Long.MAX_VALUE : times[0];
    }

    /** Takes out the earliest chain and returns its head. */
    int removeEarliest() {
        int head = heads[0];
        Arrays.fill(cachedHeads, EntryArena.NONE);
        size--;
        if (size > 0) {
            siftDown(times[size], heads[size]);
        }
        return head;
    }

    /** Empties the queue and gives its memory back. */
    void clear() {
        ledger.giveBack((long) times.length * CHAIN_BYTES + (times.length == 0 ? 0 : CACHE_BYTES));
        times = NO_TIMES;
        heads = NO_HEADS;
        cachedTimes = NO_TIMES;
        cachedHeads = NO_HEADS;
        size = 0;
    }

    private void siftUp(int from, long timeMicros, int head) {
        int at = from;
        while (at > 0) {
            int parent = (at - 1) >>> 1;
            if (times[parent] <= timeMicros) {
                break;
            }
            times[at] = times[parent];
            heads[at] = heads[parent];
            at = parent;
        }
        times[at] = timeMicros;
        heads[at] = head;
    }

    private void siftDown(long timeMicros, int head) {
        int at = 0;
        int child = 1;
        while (child < size) {
            if (child + 1 < size && times[child + 1] < times[child]) {
                child++;
            }
            if (times[child] >= timeMicros) {
                break;
            }
            times[at] = times[child];
            heads[at] = heads[child];
            at = child;
            child = 2 * at + 1;
        }
        times[at] = timeMicros;
        heads[at] = head;
    }
}
