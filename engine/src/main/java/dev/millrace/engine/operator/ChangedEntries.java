package dev.millrace.engine.operator;

import dev.millrace.engine.state.KeyedTable;
import java.util.Arrays;

/**
 * The entries that the rows of a page, or of an epoch, changed, each once, in the order of their first
 * change. An entry is found again by the mark that it carries: its place in this list, which is right
 * exactly when the list has the entry there; so nothing has to be cleaned up behind them. While it holds
 * entries none may be removed from their tables: the addresses of others would change.
 *
 * <p>Thread: the owning task. Bounds: 8 bytes for each row of a page, or for each key of an epoch; what
 * goes beyond {@link #MAX_KEPT} entries is given back when they are forgotten.
 */
final class ChangedEntries {
    private static final int FIRST_CAPACITY = 16;
    private static final int MAX_KEPT = 64 * 1024;

    private long[] entries = new long[FIRST_CAPACITY];
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
        if (entries.length > MAX_KEPT) {
            entries = new long[FIRST_CAPACITY];
        }
    }
}
