package dev.millrace.engine.epoch;

import java.util.Map;

/**
 * What an epoch needs to be complete.
 *
 * @param partitions for each reading stage's id, how many partitions its source has
 * @param readingTasks how many tasks read, over all stages
 * @param operatingTasks how many tasks neither read nor write
 * @param writers for each writing stage's id, how many tasks it has
 * @param snapshots how many workers store a snapshot
 * @param observations how many observations tasks make
 */
public record EpochShape(
        Map<Integer, Integer> partitions,
        int readingTasks,
        int operatingTasks,
        Map<Integer, Integer> writers,
        int snapshots,
        int observations) {}
