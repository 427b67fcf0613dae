package dev.millrace.spark.source;

/**
 * How portions are read.
 *
 * @param slotCount how many readers share the splits of a portion
 * @param pollNanos how long to wait between two looks for new data; 0 where portions are handed in by the query
 */
public record PortionSettings(int slotCount, long pollNanos) {
    boolean isPolled() {
        return pollNanos > 0;
    }
}
