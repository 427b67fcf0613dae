package dev.millrace.engine.exchange;

import dev.millrace.engine.page.Page;
import dev.millrace.engine.stream.Item;
import org.jspecify.annotations.Nullable;

/**
 * Carries items from one producing task to one consuming task, in order, and emptied pages back.
 *
 * <p>Bounds: {@link #CAPACITY} items, so at most that many pages and the two that its ends hold.
 * Back-pressure: {@link #offer} is false when full, and the producer is woken when half of it is empty again: to wake
 * a thread costs as much as to fill a page, and the consumer has the other half to go on with.
 */
public final class Channel {
    /** Items under way. */
    public static final int CAPACITY = 16;

    /** So many items must be taken from a full channel before its producer is woken. */
    static final int ROOM = CAPACITY / 2;

    private static final long NEVER = Long.MAX_VALUE;

    private final Ring<Item> items = new Ring<>(CAPACITY);
    private final Ring<Page> emptied = new Ring<>(CAPACITY * 2);
    private final Waker producer;
    private final Waker consumer;

    /** How many items the consumer must have taken in all before it wakes the producer. */
    private volatile long wakeAtTaken = NEVER;

    public Channel(Waker producer, Waker consumer) {
        this.producer = producer;
        this.consumer = consumer;
    }

    /**
     * Offers an item downstream.
     *
     * <p>Thread: the producing task. Lifetime: on true the channel owns the item's page; on false
     * (channel full) the caller keeps it and must return from its step.
     */
    public boolean offer(Item item) {
        if (!items.offer(item)) {
            // A consumer that stops before has met a barrier, and waits for nothing that this producer still has to
            // offer.
            wakeAtTaken = items.taken() + ROOM;
            if (!items.offer(item)) {
                return false;
            }
            wakeAtTaken = NEVER;
        }
        consumer.wake();
        return true;
    }

    /** The next item, or null. Thread: the consuming task, which owns the item's page from here on. */
    public @Nullable Item poll() {
        Item item = items.poll();
        if (item != null) {
            long wakeAt = wakeAtTaken;
            if (wakeAt != NEVER && items.taken() >= wakeAt) {
                wakeAtTaken = NEVER; // the producer looks around once it is awake, and says anew what it waits for
                producer.wake();
            }
        }
        return item;
    }

    /** How many items the consumer has taken in all. Thread: any. */
    public long taken() {
        return items.taken();
    }

    /** Wakes the producer once the consumer has taken so many items in all. Thread: the producing task. */
    public void wakeProducerAt(long takenCount) {
        wakeAtTaken = takenCount;
        if (items.taken() >= takenCount) {
            wakeAtTaken = NEVER;
            producer.wake();
        }
    }

    /** How full it is, from 0 to 1. Thread: any. */
    public double fill() {
        return (double) items.size() / CAPACITY;
    }

    public boolean isEmpty() {
        return items.peek() == null;
    }

    /** Gives an emptied page back to the producer. Thread: the consuming task. */
    public void recycle(Page page) {
        page.clear();
        boolean unused = emptied.offer(page); // a full ring means that enough pages are about
    }

    /** An empty page to fill. Thread: the producing task. */
    public Page emptyPage() {
        Page page = emptied.poll();
        return page != null ? page : new Page();
    }
}
