package dev.millrace.spark.differential;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;

/**
 * Makes a failing case smaller as long as it fails: fewer steps, rows and phases.
 *
 * <p>Bounds: stops after some time with the smallest one so far. Thread: one.
 */
final class Shrinker {
    private final Predicate<Case> fails;
    private final long deadlineNanos;

    Shrinker(Predicate<Case> fails, long limitSeconds) {
        this.fails = fails;
        this.deadlineNanos = System.nanoTime() + TimeUnit.SECONDS.toNanos(limitSeconds);
    }

    Case shrink(Case failing) {
        Case smallest = failing;
        boolean smaller = true;
        while (smaller && !isOver()) {
            smaller = false;
            for (Case candidate : candidates(smallest)) {
                if (isOver()) {
                    break;
                }
                if (fails.test(candidate)) {
                    smallest = candidate;
                    smaller = true;
                    break;
                }
            }
        }
        return smallest;
    }

    private boolean isOver() {
        return System.nanoTime() - deadlineNanos > 0;
    }

    /** The boldest first. */
    private static List<Case> candidates(Case failing) {
        List<Case> candidates = new ArrayList<>();
        // Without the operator that drops them late rows would count, and the case be another one.
        boolean needsOperators = failing.query().dropsLateRows() && failing.hasLateRows();
        for (Step top : failing.query().top().smaller()) {
            if (!top.inputs().isEmpty() && !needsOperators) {
                candidates.add(failing.with(failing.query().with(top)));
            }
        }
        for (int phase = 0; phase < failing.between().size(); phase++) {
            Case.Event event = failing.between().get(phase);
            if (event != Case.Event.WATERMARK && event != Case.Event.CLOSING) {
                candidates.add(failing.withoutPhase(phase));
            }
        }
        for (int source = 0; source < failing.tables().size(); source++) {
            int[] counts = failing.tables().get(source).counts();
            for (int partition = 0; partition < counts.length; partition++) {
                addFewerRows(failing, source, partition, counts[partition], candidates);
            }
        }
        return candidates;
    }

    private static void addFewerRows(Case failing, int source, int partition, int count, List<Case> candidates) {
        // The first row, whose watermark late ones are behind, and the closing one stay.
        int first = 1;
        int last = count - 1;
        for (int length = last - first; length > 0; length /= 2) {
            for (int from = first; from + length <= last; from += length) {
                candidates.add(failing.without(source, partition, from, from + length));
            }
        }
    }
}
