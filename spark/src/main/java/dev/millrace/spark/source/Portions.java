package dev.millrace.spark.source;

import dev.millrace.engine.source.PortionInbox;
import java.io.Serializable;
import java.util.ArrayDeque;
import java.util.Iterator;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * One worker's share of the portions of a source and the epochs that are to end, in one order, and how far each
 * slot there is with it. Slots take the splits of a portion one by one, each those that are meant for it or for any; only
 * when all of them are read does any slot go on. So an epoch ends behind the same portion in all slots.
 *
 * <p>It travels in the plan before anything is handed in, so each worker has its own. Bounds: what is handed in and asked
 * for. Thread: any.
 */
final class Portions implements PortionInbox {
    private static final long serialVersionUID = 1L;

    /** What a slot is to do next. */
    sealed interface Order extends Serializable {
        /** Read a split of a portion. */
        record ReadSplit(Split split) implements Order {}

        /** Say that a portion ends. */
        record EndPortion() implements Order {}

        /** Say that an epoch ends, behind so many portions. */
        record EndEpoch(long epoch, long portion) implements Order {}
    }

    private static final class Entry implements Serializable {
        private static final long serialVersionUID = 1L;

        final ArrayDeque<Split> splits;
        final Order end;
        int splitsUnderWay;
        int slotsThrough;

        Entry(List<? extends Split> splits, Order end) {
            this.splits = new ArrayDeque<>(splits);
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

    private final ArrayDeque<Entry> entries = new ArrayDeque<>();
    private final int workerCount;

    /** For each slot here, the number of the entry that it is at. */
    private final long[] entryOfSlot;

    private final @Nullable Entry[] readBySlot;
    private long firstEntry;

    /**
     * @param workerCount among how many workers the slots are dealt out, one by one
     * @param slotsEach how many each worker has
     */
    Portions(int workerCount, int slotsEach) {
        this.workerCount = workerCount;
        this.entryOfSlot = new long[slotsEach];
        this.readBySlot = new Entry[slotsEach];
    }

    @Override
    @SuppressWarnings("unchecked") // as HandedPortions makes it
    public synchronized void portion(Object share) {
        entries.addLast(new Entry((List<? extends Split>) share, new Order.EndPortion()));
        notifyAll();
    }

    @Override
    public synchronized void endEpoch(long epoch, long portion) {
        entries.addLast(new Entry(List.of(), new Order.EndEpoch(epoch, portion)));
        notifyAll();
    }

    /** The place of one of the source's slots among those here. */
    private int here(int slot) {
        return slot / workerCount;
    }

    /** Waits for what a slot is to do next. Ends are given again until the slot is {@link #through} with them. */
    synchronized Order next(int slot) throws InterruptedException {
        while (true) {
            Entry entry = entry(slot);
            if (entry != null) {
                Split split = entry.take(slot);
                if (split != null) {
                    entry.splitsUnderWay++;
                    readBySlot[here(slot)] = entry;
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
        long index = entryOfSlot[here(slot)] - firstEntry;
        for (Entry entry : entries) {
            if (index-- == 0) {
                return entry;
            }
        }
        return null;
    }

    /** A slot has read the split that it took. */
    synchronized void splitRead(int slot) {
        if (--Objects.requireNonNull(readBySlot[here(slot)]).splitsUnderWay == 0) {
            notifyAll();
        }
    }

    /** A slot has said that a portion or an epoch ends. */
    synchronized void through(int slot) {
        Objects.requireNonNull(entry(slot)).slotsThrough++;
        entryOfSlot[here(slot)]++;
        while (!entries.isEmpty() && entries.peekFirst().slotsThrough == entryOfSlot.length) {
            Entry unused = entries.removeFirst();
            firstEntry++;
        }
    }
}
