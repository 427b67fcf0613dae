package dev.millrace.engine.exchange;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import org.jspecify.annotations.Nullable;

/**
 * A bounded queue between exactly one producer thread and one consumer thread.
 *
 * <p>Bounds: {@code capacity}, a power of two. Source: the single-producer, single-consumer ring of
 * Lamport (1977), with each side caching what it last saw of the other's index.
 */
final class Ring<T> {
    private static final VarHandle HEAD;
    private static final VarHandle TAIL;

    static {
        try {
            HEAD = MethodHandles.lookup().findVarHandle(Ring.class, "head", long.class);
            TAIL = MethodHandles.lookup().findVarHandle(Ring.class, "tail", long.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private final @Nullable Object[] slots;
    private final int mask;

    @SuppressWarnings("unused") // through HEAD
    private volatile long head;

    private long cachedTail;

    @SuppressWarnings("unused") // through TAIL
    private volatile long tail;

    private long cachedHead;

    Ring(int capacity) {
        if (Integer.bitCount(capacity) != 1) {
            throw new IllegalArgumentException(
                    "Cannot make a ring: capacity=%d is no power of two. Give a power of two.".formatted(capacity));
        }
        slots = new Object[capacity];
        mask = capacity - 1;
    }

    /** How many values are in it, at some moment during the call. Thread: any. */
    int size() {
        long taken = head; // before the tail, which is never behind it
        return (int) Math.min(mask + 1, tail - taken);
    }

    /** How many values the consumer has taken in all. Thread: any. */
    long taken() {
        return head;
    }

    /** Thread: producer. False when full. */
    boolean offer(T value) {
        long index = (long) TAIL.getOpaque(this);
        if (index - cachedHead > mask) {
            cachedHead = head;
            if (index - cachedHead > mask) {
                return false;
            }
        }
        slots[(int) index & mask] = value;
        tail = index + 1; // volatile: ordered before the wake-up that the producer sends next
        return true;
    }

    /** Thread: consumer. Null when empty. */
    @SuppressWarnings("unchecked")
    @Nullable
    T poll() {
        T value = peek();
        if (value != null) {
            long index = (long) HEAD.getOpaque(this);
            slots[(int) index & mask] = null;
            head = index + 1;
        }
        return value;
    }

    /** Thread: consumer. */
    @SuppressWarnings("unchecked")
    @Nullable
    T peek() {
        long index = (long) HEAD.getOpaque(this);
        if (index == cachedTail) {
            cachedTail = tail;
            if (index == cachedTail) {
                return null;
            }
        }
        return (T) slots[(int) index & mask];
    }
}
