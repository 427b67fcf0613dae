package dev.millrace.engine.operator;

import dev.millrace.engine.page.RowView;

/** An order of rows. Thread: the owning task; an instance is not shared. */
@FunctionalInterface
public interface RowOrder {
    /** As {@link java.util.Comparator#compare}. */
    int compare(RowView left, RowView right);
}
