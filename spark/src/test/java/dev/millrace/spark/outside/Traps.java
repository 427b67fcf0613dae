package dev.millrace.spark.outside;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;

/** Places of the outside where a test makes something go wrong. Thread: any. */
public final class Traps {
    /** Throws, or waits, or does nothing. */
    @FunctionalInterface
    public interface Trap {
        void spring() throws Exception;
    }

    private static final Map<String, Trap> ARMED = new ConcurrentHashMap<>();

    private Traps() {}

    public static void arm(String place, Trap trap) {
        ARMED.put(place, trap);
    }

    /** Arms a trap that throws so many times and then no more; gives what counts down. */
    public static AtomicInteger armTimes(String place, int times) {
        AtomicInteger left = new AtomicInteger(times);
        arm(place, () -> {
            if (left.getAndUpdate(count -> Math.max(0, count - 1)) > 0) {
                throw new java.io.IOException("trap at " + place);
            }
        });
        return left;
    }

    public static void disarmAll() {
        ARMED.clear();
    }

    /** Passes a place. */
    public static void pass(String place) {
        Trap trap = ARMED.get(place);
        if (trap != null) {
            try {
                trap.spring();
            } catch (Exception e) {
                throw sneaky(e);
            }
        }
    }

    @SuppressWarnings("unchecked")
    private static <E extends Exception> RuntimeException sneaky(Exception exception) throws E {
        throw (E) exception;
    }
}
