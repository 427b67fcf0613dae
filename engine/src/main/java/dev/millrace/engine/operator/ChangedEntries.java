package dev.millrace.engine.operator;

import dev.millrace.engine.state.KeyedTable;
import java.util.Arrays;

/**
 * The entries that a page's rows changed, each once, in the order of their first change. An entry is
 * found again by the mark that it carries: its place in this list, which is right exactly when the
 * list has the entry there; so nothing has to be cleaned up behind a page.
 *
 * <p>Thread: the owning task. Bounds: the rows of a page.
 */
final class ChangedEntries {
    private long[] entries = new long[16];
    private int count;

    void add(int keyGroup, KeyedTable table, int entry) {
        long name = ((long) keyGroup << 32) | entry;
        int mark = table.changeMark(entry);
        if (mark >= count || entries[mark] != name) {
            if (count == entries.length) {
                entries = Arrays.copyOf(entries, count * 2);
            }
            entries[count] = name;
            table.changeMark(entry, count++);
        }
    }

    int count() {
        return count;
    }

    int keyGroup(int index) {
        return (int) (entries[index] >>> 32);
    }

    int entry(int index) {
        return (int) entries[index];
    }

    void clear() {
        count = 0;
    }
}
