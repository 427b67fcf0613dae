package dev.millrace.engine.operator;

import dev.millrace.engine.page.RowView;

/** Takes the entries of one operator's snapshot. */
public interface SnapshotWriter {
    /** Copies one entry. */
    void entry(int keyGroup, RowView key, RowView value) throws Exception;
}
