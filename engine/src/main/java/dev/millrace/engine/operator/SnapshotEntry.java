package dev.millrace.engine.operator;

import dev.millrace.engine.page.RowView;

/**
 * One entry of a snapshot as it was written.
 *
 * @param keyGroup the key group whose owner gets the entry back, or {@link
 *     dev.millrace.engine.page.Page#NO_KEY_GROUP} for what every task of the operator gets back from
 *     all tasks
 */
public record SnapshotEntry(int keyGroup, RowView key, RowView value) {}
