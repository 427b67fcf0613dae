package dev.millrace.engine.state;

import static dev.millrace.engine.state.EntryLayout.NONE;

/**
 * Brings the chain of a key's entries into the order of their numbers, by merging ascending runs: what a snapshot
 * gives back is mostly a few of them.
 *
 * <p>Thread: the owning task. Lifetime: one chain.
 */
final class ChainOrder {
    private final GroupedTable table;

    /** What is in order so far. */
    private int head = NONE;

    private int tail = NONE;

    ChainOrder(GroupedTable table) {
        this.table = table;
    }

    /** Orders a chain, and returns the entry that is its first then. */
    int order(int first) {
        int rest = first;
        while (mergePairs(rest)) {
            rest = head;
        }
        table.ordered(first, head, tail);
        return head;
    }

    /** Merges each two runs of a chain to one; false when there was only one. */
    private boolean mergePairs(int chain) {
        head = NONE;
        tail = NONE;
        int runs = 0;
        int rest = chain;
        while (rest != NONE) {
            int left = rest;
            int right = cutRun(left);
            rest = right == NONE ? NONE : cutRun(right);
            merge(left, right);
            runs += right == NONE ? 1 : 2;
        }
        return runs > 2;
    }

    /** Ends the chain behind the ascending run that it begins with, and returns what came behind. */
    private int cutRun(int first) {
        int last = first;
        int next = table.next(last);
        while (next != NONE && table.number(last) < table.number(next)) {
            last = next;
            next = table.next(last);
        }
        table.follow(last, NONE);
        return next;
    }

    private void merge(int left, int right) {
        int one = left;
        int other = right;
        while (one != NONE || other != NONE) {
            if (other == NONE || (one != NONE && table.number(one) < table.number(other))) {
                int next = table.next(one);
                append(one);
                one = next;
            } else {
                int next = table.next(other);
                append(other);
                other = next;
            }
        }
    }

    private void append(int entry) {
        if (tail == NONE) {
            head = entry;
        } else {
            table.follow(tail, entry);
        }
        tail = entry;
    }
}
