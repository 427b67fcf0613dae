package dev.millrace.engine.operator;

import dev.millrace.engine.page.RowView;
import dev.millrace.engine.snapshot.FrozenState;
import dev.millrace.engine.snapshot.OperatorId;
import dev.millrace.engine.snapshot.Section;
import dev.millrace.engine.snapshot.SectionKey;
import dev.millrace.engine.state.KeyedState;
import dev.millrace.engine.state.KeyedTable;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The entries of a keyed state as of a barrier, on their way into a section per key group; beside them
 * what the operator keeps for the task.
 *
 * <p>Thread: the owning task.
 */
final class FrozenEntries implements FrozenState {
    /** The bytes that stand for an entry in a snapshot; valid until the next call. */
    @FunctionalInterface
    interface EntryValue {
        RowView of(KeyedTable table, int entry);
    }

    private final KeyedState state;
    private final OperatorId id;
    private final Section task;
    private final EntryValue values;
    private final @Nullable Section[] byKeyGroup;
    private final RowView key = new RowView();

    private FrozenEntries(KeyedState state, OperatorId id, Section task, EntryValue values) {
        this.state = state;
        this.id = id;
        this.task = task;
        this.values = values;
        this.byKeyGroup = new Section[state.keyGroupCount()];
    }

    /** Freezes all entries as they are. */
    static FrozenState of(KeyedState state, OperatorId id, Section task, EntryValue values) {
        FrozenEntries frozen = new FrozenEntries(state, id, task, values);
        state.freeze(frozen::write);
        return frozen;
    }

    private int write(int keyGroup, boolean base, KeyedTable table, int entry) {
        Section section = byKeyGroup[keyGroup];
        if (section == null) {
            section = new Section(new SectionKey(id, keyGroup));
            byKeyGroup[keyGroup] = section;
            if (base) {
                section.markBase();
            }
        }
        int before = section.sizeBytes();
        section.put(table.key(entry, key), values.of(table, entry));
        return section.sizeBytes() - before;
    }

    @Override
    public boolean write(int sizeBytes) {
        return state.writeFrozen(sizeBytes);
    }

    @Override
    public List<Section> sections() {
        List<Section> sections = new ArrayList<>();
        sections.add(task);
        for (Section section : byKeyGroup) {
            if (section != null) {
                sections.add(section);
            }
        }
        return sections;
    }
}
