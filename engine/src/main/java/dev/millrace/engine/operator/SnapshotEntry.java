package dev.millrace.engine.operator;

import dev.millrace.engine.page.RowView;

/** One entry of a snapshot as it was written. */
public record SnapshotEntry(int keyGroup, RowView key, RowView value) {}
