package dev.millrace.engine.state;

import dev.millrace.engine.page.RowView;
import org.jspecify.annotations.Nullable;

/**
 * A walk over the entries of a state with one entry per key, those that are not in memory included,
 * which stay where they are. The state must not change before the walk is through or closed.
 *
 * <p>Thread: the owning task.
 */
public final class KeyedWalk implements AutoCloseable {
    /** Looks at entries. What it returns false for is shown again by the next {@link #run}. */
    public interface Visitor {
        boolean inMemory(KeyedTable table, int entry);

        /** @param value as a snapshot has it. Lifetime of both: until this returns */
        boolean spilled(RowView key, RowView value);
    }

    private final KeyedState<KeyedTable> state;
    private final boolean changedOnly;
    private int keyGroup = -1;
    private @Nullable KeyedTable table;
    private int entry = KeyedTable.NONE;
    private SpillArea.@Nullable View view;
    private SpillArea.@Nullable Cursor cursor;

    private KeyedWalk(KeyedState<KeyedTable> state, boolean changedOnly) {
        this.state = state;
        this.changedOnly = changedOnly;
    }

    /** A walk over all entries. */
    public static KeyedWalk overAll(KeyedState<KeyedTable> state) {
        return new KeyedWalk(state, false);
    }

    /** A walk over the entries that were added or changed since the state was last frozen. */
    public static KeyedWalk overChanged(KeyedState<KeyedTable> state) {
        return new KeyedWalk(state, true);
    }

    /** Shows entries to the visitor; true once it has seen them all, false when it stopped. */
    public boolean run(Visitor visitor) {
        while (showInMemory(visitor) && showSpilled(visitor)) {
            if (++keyGroup == state.keyGroupCount()) {
                close();
                return true;
            }
            table = state.existingTable(keyGroup);
            entry = table == null ? KeyedTable.NONE : changedOnly ? table.firstChanged() : table.firstEntry();
            cursor = table == null ? null : open(table);
        }
        return false;
    }

    private SpillArea.@Nullable Cursor open(KeyedTable of) {
        SpillArea area = state.spillArea();
        if (area == null || of.spilledRowCount() == 0) {
            return null;
        }
        SpillArea.View opened = view == null ? area.view() : view;
        view = opened;
        return changedOnly ? opened.changes(state.epoch(), keyGroup) : opened.allEntries(keyGroup);
    }

    private boolean showInMemory(Visitor visitor) {
        KeyedTable of = table;
        while (of != null && entry != KeyedTable.NONE) {
            if (!visitor.inMemory(of, entry)) {
                return false;
            }
            entry = changedOnly ? of.nextChanged(entry) : of.nextEntry(entry);
        }
        return true;
    }

    private boolean showSpilled(Visitor visitor) {
        SpillArea.Cursor keys = cursor;
        if (keys == null) {
            return true;
        }
        while (keys.isValid()) {
            if (!show(keys, visitor)) {
                return false;
            }
            keys.advance();
        }
        keys.close();
        cursor = null;
        return true;
    }

    private boolean show(SpillArea.Cursor keys, Visitor visitor) {
        SpillArea.View of = view;
        byte[] key = keys.key();
        byte[] stored = !changedOnly || of == null ? keys.entries() : of.entries(keyGroup, key);
        if (stored == null) {
            return true; // it came back to memory, and was shown there
        }
        SpilledEntries entries = new SpilledEntries(key, stored);
        boolean isWanted = entries.next() && (!changedOnly || entries.stamp() == state.epoch());
        return !isWanted || visitor.spilled(entries.wholeKey(), entries.value());
    }

    @Override
    public void close() {
        table = null;
        if (cursor != null) {
            cursor.close();
            cursor = null;
        }
        if (view != null) {
            view.close();
            view = null;
        }
    }
}
