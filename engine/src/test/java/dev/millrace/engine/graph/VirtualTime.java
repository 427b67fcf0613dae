package dev.millrace.engine.graph;

import java.util.PriorityQueue;

/** A clock that stands still while something happens, and then goes on to what is due next. Thread: one. */
final class VirtualTime {
    private record Event(long atNanos, long number, Runnable body) implements Comparable<Event> {
        @Override
        public int compareTo(Event other) {
            int byTime = Long.compare(atNanos, other.atNanos);
            return byTime != 0 ? byTime : Long.compare(number, other.number);
        }
    }

    private final PriorityQueue<Event> events = new PriorityQueue<>();
    private long nowNanos;
    private long count;

    long nowNanos() {
        return nowNanos;
    }

    /** Has something happen at a moment, behind all that is to happen then already. */
    void at(long nanos, Runnable body) {
        events.add(new Event(Math.max(nowNanos, nanos), count++, body));
    }

    /** Lets the next thing happen; false when there is none. */
    boolean advance() {
        Event next = events.poll();
        if (next == null) {
            return false;
        }
        nowNanos = next.atNanos();
        next.body().run();
        return true;
    }
}
