package dev.millrace.spark.source;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Iterator;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The portions of one source that are to be read and the epochs that are to end, in one order, and how far each
 * slot is with it. Slots take the splits of a portion one by one, each those that are meant for it or for any; only when all of them are read does any slot go
 * on. So an epoch ends behind the same portion in all slots.
 *
 * <p>Bounds: what is handed in and asked for; a polled source hands in a portion when there is nothing left.
 * Thread: any.
 */
final class Portions {
    /** What a slot is to do next. */
    sealed interface Order {
        /** Read a split of a portion. */
        record ReadSplit(Split split) implements Order {}

        /** Say that a portion ends. */
        record EndPortion() implements Order {}

        /** Say that an epoch ends. */
        record EndEpoch(long epoch, Boundary boundary) implements Order {}
    }

    private static final class Entry {
        final Deque<Split> splits;
        final Order end;
        int splitsUnderWay;
        int slotsThrough;

        Entry(Deque<Split> splits, Order end) {
            this.splits = splits;
            this.end = end;
        }

        /** The next split that {@code slot} may read. */
        @Nullable
        Split take(int slot) {
            for (Iterator<Split> all = splits.iterator(); all.hasNext(); ) {
                Split split = all.next();
                if (split.slot() == Split.ANY_SLOT || split.slot() == slot) {
                    all.remove();
                    return split;
                }
            }
            return null;
        }
    }

    private final Deque<Entry> entries = new ArrayDeque<>();

    /** For each slot, the number of the entry that it is at. */
    private final long[] entryOfSlot;

    private final @Nullable Entry[] readBySlot;
    private long firstEntry;
    private Boundary last;

    Portions(int slotCount, Boundary start) {
        this.entryOfSlot = new long[slotCount];
        this.readBySlot = new Entry[slotCount];
        this.last = start;
    }

    /** A portion to be read, up to {@code end}. */
    synchronized void add(Iterable<? extends Split> splits, Boundary end) {
        Deque<Split> queue = new ArrayDeque<>();
        splits.forEach(queue::add);
        entries.addLast(new Entry(queue, new Order.EndPortion()));
        last = end;
        notifyAll();
    }

    /** An epoch that is to end behind the portions so far. */
    synchronized void endEpoch(long epoch) {
        entries.addLast(new Entry(new ArrayDeque<>(), new Order.EndEpoch(epoch, last)));
        notifyAll();
    }

    /** The end of the last portion that was handed in. */
    synchronized Boundary last() {
        return last;
    }

    /** Waits until all slots are through with everything. */
    synchronized void awaitIdle() throws InterruptedException {
        while (!entries.isEmpty()) {
            wait();
        }
    }

    /** Waits for what a slot is to do next. Ends are given again until the slot is {@link #through} with them. */
    synchronized Order next(int slot) throws InterruptedException {
        while (true) {
            Entry entry = entry(slot);
            if (entry != null) {
                Split split = entry.take(slot);
                if (split != null) {
                    entry.splitsUnderWay++;
                    readBySlot[slot] = entry;
                    return new Order.ReadSplit(split);
                }
                if (entry.splits.isEmpty() && entry.splitsUnderWay == 0) {
                    return entry.end;
                }
            }
            wait();
        }
    }

    private @Nullable Entry entry(int slot) {
        long index = entryOfSlot[slot] - firstEntry;
        for (Entry entry : entries) {
            if (index-- == 0) {
                return entry;
            }
        }
        return null;
    }

    /** A slot has read the split that it took. */
    synchronized void splitRead(int slot) {
        if (--Objects.requireNonNull(readBySlot[slot]).splitsUnderWay == 0) {
            notifyAll();
        }
    }

    /** A slot has said that a portion or an epoch ends. */
    synchronized void through(int slot) {
        Objects.requireNonNull(entry(slot)).slotsThrough++;
        entryOfSlot[slot]++;
        while (!entries.isEmpty() && entries.peekFirst().slotsThrough == entryOfSlot.length) {
            entries.removeFirst();
            firstEntry++;
            notifyAll();
        }
    }
}
