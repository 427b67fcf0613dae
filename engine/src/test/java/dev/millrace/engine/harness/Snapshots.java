package dev.millrace.engine.harness;

import dev.millrace.engine.operator.Operator;
import dev.millrace.engine.operator.SnapshotEntry;
import dev.millrace.engine.page.RowView;
import dev.millrace.engine.snapshot.FrozenState;
import dev.millrace.engine.snapshot.OperatorId;
import dev.millrace.engine.snapshot.Section;
import java.util.ArrayList;
import java.util.List;

/** Snapshots of operators, taken and given back by hand. */
public final class Snapshots {
    private static final OperatorId ID = new OperatorId(0, 0);

    private Snapshots() {}

    /** All entries of an operator's state as of now; it must not have been frozen before. */
    public static List<SnapshotEntry> of(Operator operator) throws Exception {
        FrozenState frozen = operator.freeze(ID);
        List<SnapshotEntry> entries = new ArrayList<>();
        if (frozen != null) {
            while (!frozen.write(100)) {
                continue;
            }
            for (Section section : frozen.sections()) {
                section.read((key, value) ->
                        entries.add(new SnapshotEntry(section.key().keyGroup(), copy(key), copy(value))));
            }
        }
        return entries;
    }

    public static void restore(Operator operator, List<SnapshotEntry> entries) throws Exception {
        for (SnapshotEntry entry : entries) {
            operator.restore(entry);
        }
        operator.restored();
    }

    private static RowView copy(RowView view) {
        return new RowView().pointTo(view.toBytes(), 0, view.sizeBytes());
    }
}
