package dev.millrace.engine.state;

import dev.millrace.engine.page.RowView;
import org.jspecify.annotations.Nullable;

/**
 * Goes from entry to entry of a state that is all in memory, key group by key group; the entries of one key follow each
 * other, those of a list in its order. Nothing may change meanwhile.
 *
 * <p>Thread: the owning task.
 */
public final class StateEntries {
    private final KeyedState<?> state;
    private final RowView key = new RowView();
    private int keyGroup = -1;
    private @Nullable EntryTable table;

    /** The last first entry of a key, and behind it the last entry; {@link EntryTable#NONE} before the first. */
    private int first = EntryTable.NONE;

    private int entry = EntryTable.NONE;
    private int position;

    public StateEntries(KeyedState<?> state) {
        this.state = state;
    }

    /** Moves to the next entry; false behind the last one. */
    public boolean next() {
        EntryTable in = table;
        if (in != null && entry != EntryTable.NONE) {
            entry = in.nextOfKey(entry);
            position++;
        }
        while (in == null || entry == EntryTable.NONE) {
            if (in == null || !nextKey(in)) {
                in = nextTable();
                if (in == null) {
                    return false;
                }
            }
        }
        return true;
    }

    private boolean nextKey(EntryTable in) {
        int next = first == EntryTable.NONE ? in.firstEntry() : in.nextEntry(first);
        while (next != EntryTable.NONE && !in.isFirstOfKey(next)) {
            next = in.nextEntry(next);
        }
        first = next;
        entry = next;
        position = 0;
        return next != EntryTable.NONE;
    }

    private @Nullable EntryTable nextTable() {
        first = EntryTable.NONE;
        entry = EntryTable.NONE;
        table = null;
        while (table == null && ++keyGroup < state.keyGroupCount()) {
            table = state.existingTable(keyGroup);
        }
        if (table instanceof GroupedTable grouped) {
            putInOrder(grouped);
        }
        return table;
    }

    /** Restored entries may be in any order, and another may then be the first of its key. */
    private void putInOrder(GroupedTable grouped) {
        for (int at = grouped.firstEntry(); at != EntryTable.NONE; at = grouped.nextEntry(at)) {
            if (grouped.isFirstOfKey(at)) {
                RowView of = grouped.key(at, key);
                int unused = grouped.first(KeyBytes.hash(of.bytes(), of.offset(), of.sizeBytes()), of);
            }
        }
    }

    private EntryTable table() {
        if (table == null || entry == EntryTable.NONE) {
            throw new IllegalStateException("There is no entry here. Ask for the next one first.");
        }
        return table;
    }

    public int keyGroup() {
        return keyGroup;
    }

    /** The entry's number among those of its key, from 0. */
    public int position() {
        return position;
    }

    public RowView key(RowView view) {
        return table().key(entry, view);
    }

    /** What tells the entry from others of its key; empty where there is one for each key. */
    public RowView subKey(RowView view) {
        RowView whole = table().wholeKey(entry, view);
        int sizeBytes = table().subKeySizeBytes(entry);
        return view.pointTo(whole.bytes(), whole.offset() + whole.sizeBytes() - sizeBytes, sizeBytes);
    }

    /** The value as a snapshot has it. */
    public RowView value(RowView view) {
        return table().storedValue(entry, view);
    }

    /** When the entry expires, or {@link EntryTable#NEVER}. */
    public long expiryMicros() {
        return table().expiryMicros(entry);
    }
}
