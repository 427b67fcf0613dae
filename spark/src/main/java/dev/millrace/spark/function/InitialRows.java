package dev.millrace.spark.function;

import dev.millrace.engine.exchange.KeyGroups;
import dev.millrace.engine.operator.OperatorContext;
import dev.millrace.engine.page.RowView;
import java.util.ArrayList;
import java.util.List;

/**
 * The rows of the static plan that state begins with, by key group. Read by the tasks of a query's
 * first start, each those that it owns.
 *
 * <p>Thread: filled by one, then any.
 */
public final class InitialRows {
    private final List<List<byte[]>> byKeyGroup = new ArrayList<>();

    public InitialRows(int keyGroupCount) {
        for (int i = 0; i < keyGroupCount; i++) {
            byKeyGroup.add(new ArrayList<>());
        }
    }

    public void add(int keyGroup, byte[] row) {
        byKeyGroup.get(keyGroup).add(row);
    }

    /** Takes a row. */
    @FunctionalInterface
    interface Reader {
        void row(int keyGroup, RowView row);
    }

    /** Gives the rows that a task owns, key group by key group. */
    void read(OperatorContext context, Reader reader) {
        RowView view = new RowView();
        for (int keyGroup = 0; keyGroup < byKeyGroup.size(); keyGroup++) {
            if (KeyGroups.owner(keyGroup, context.keyGroupCount(), context.taskCount()) == context.taskIndex()) {
                for (byte[] row : byKeyGroup.get(keyGroup)) {
                    reader.row(keyGroup, view.pointTo(row, 0, row.length));
                }
            }
        }
    }
}
