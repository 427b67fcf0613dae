package dev.millrace.engine.graph;

import dev.millrace.engine.snapshot.RestoredState;
import dev.millrace.engine.snapshot.SnapshotStorage;
import org.jspecify.annotations.Nullable;

/**
 * Where a dataflow's state is kept.
 *
 * @param storage where snapshots are written
 * @param attempt tells this run's files from those of any other run of the query
 * @param restored the state to start from, or null for none
 */
public record Durability(SnapshotStorage storage, String attempt, @Nullable RestoredState restored) {}
