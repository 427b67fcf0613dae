package dev.millrace.engine.state;

import dev.millrace.engine.snapshot.FrozenState;
import dev.millrace.engine.snapshot.OperatorId;
import dev.millrace.engine.snapshot.Section;
import dev.millrace.engine.snapshot.SectionKey;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * All tables of a state as of a barrier, on their way into a snapshot.
 *
 * <p>Thread: the owning task.
 */
final class FrozenTables implements FrozenState, AutoCloseable {
    private final @Nullable EntryTable[] tables;
    private final Deque<Section> ready = new ArrayDeque<>();
    private final @Nullable SpillArea area;
    private final int epoch;
    private final boolean spilledChanges;
    private SpillArea.@Nullable View outside;
    private int keyGroup;

    /**
     * Freezes the tables.
     *
     * @param epoch the stamp of what changed in the epoch that the barrier ends
     * @param area where entries are that are not in memory, or null while all are
     * @param spilledChanges whether some of those had changed in that epoch when they were put out
     */
    FrozenTables(
            OperatorId operator,
            int stateIndex,
            @Nullable EntryTable[] tables,
            int epoch,
            @Nullable SpillArea area,
            boolean spilledChanges) {
        this.tables = tables;
        this.area = area;
        this.epoch = epoch;
        this.spilledChanges = spilledChanges;
        this.outside = area == null ? null : area.view();
        for (int i = 0; i < tables.length; i++) {
            EntryTable table = tables[i];
            if (table != null) {
                SectionKey key = new SectionKey(operator, stateIndex, i);
                boolean base = table.snapshots().needsBase();
                table.snapshots().freeze(epoch, new KeyGroupWriter(key, base, ready::add), outside);
            }
        }
    }

    @Override
    public boolean write(int sizeBytes, Consumer<Section> sections) {
        boolean all = writeTables(sizeBytes);
        while (!ready.isEmpty()) {
            sections.accept(ready.removeFirst());
        }
        return all;
    }

    /** Writes all that is left; it waits here until it is asked for. */
    void finish() {
        while (!writeTables(Integer.MAX_VALUE)) {
            continue;
        }
    }

    private boolean writeTables(int sizeBytes) {
        int left = sizeBytes;
        while (keyGroup < tables.length) {
            EntryTable table = tables[keyGroup];
            if (table != null) {
                left -= table.snapshots().write(left);
                if (table.snapshots().isFrozen()) {
                    return false;
                }
            }
            keyGroup++;
        }
        close();
        return true;
    }

    /** Gives up what was not written. */
    @Override
    public void close() {
        SpillArea.View held = outside;
        if (held == null || area == null) {
            return;
        }
        for (EntryTable table : tables) {
            if (table != null) {
                table.snapshots().close();
            }
        }
        outside = null;
        held.close();
        if (spilledChanges) {
            area.deleteChanges(epoch);
        }
    }
}
