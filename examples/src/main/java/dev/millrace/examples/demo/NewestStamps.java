package dev.millrace.examples.demo;

import java.util.HashMap;
import java.util.Map;

/**
 * The newest stamp seen for each card and window.
 *
 * <p>Bounds: a window changes for a minute and the lateness that the query allows; entries of the last
 * one to two {@link #GENERATION_MICROS} are kept, in two maps of which the older is dropped whole, so
 * that forgetting never stops the measuring.
 *
 * <p>Thread: one owner. Units: microseconds.
 */
final class NewestStamps {
    private static final long GENERATION_MICROS = 120_000_000L;
    private static final int EXPECTED_ENTRIES = 1 << 17;

    private record Window(String card, long startMicros) {}

    private Map<Window, Long> current = new HashMap<>(EXPECTED_ENTRIES);
    private Map<Window, Long> previous = Map.of();
    private long generation;

    /** Whether {@code stamp} is newer than every one before it for this card's window; remembers it if so. */
    boolean isNewer(String card, long windowStart, long stamp) {
        if (stamp / GENERATION_MICROS > generation) {
            generation = stamp / GENERATION_MICROS;
            previous = current;
            current = new HashMap<>(EXPECTED_ENTRIES);
        }
        Window window = new Window(card, windowStart);
        Long last = current.getOrDefault(window, previous.get(window));
        if (last != null && last >= stamp) {
            return false;
        }
        current.put(window, stamp);
        return true;
    }
}
