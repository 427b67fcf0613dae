package dev.millrace.spark.function;

import static dev.millrace.engine.state.EntryTable.NONE;

import dev.millrace.engine.state.GroupedTable;
import java.util.Arrays;
import java.util.NoSuchElementException;

/**
 * The entries that a key had at one moment, for a walk during which the user's code may change them:
 * one that was removed can still be read until the call is through.
 *
 * <p>Thread: the owning task. Lifetime: the call under way.
 */
final class LiveEntries {
    private int[] entries = new int[8];
    private int count;
    private int taken;

    private LiveEntries() {}

    /** @param first the key's first entry, or NONE */
    static LiveEntries of(StateVariable<GroupedTable> variable, GroupedTable table, int first) {
        LiveEntries live = new LiveEntries();
        for (int entry = first; entry != NONE; entry = table.next(entry)) {
            if (variable.isLive(table, entry)) {
                live.add(entry);
            }
        }
        return live;
    }

    private void add(int entry) {
        if (count == entries.length) {
            entries = Arrays.copyOf(entries, count * 2);
        }
        entries[count++] = entry;
    }

    boolean hasNext() {
        return taken < count;
    }

    int next() {
        if (taken == count) {
            throw new NoSuchElementException("the state holds no more");
        }
        return entries[taken++];
    }
}
