package dev.millrace.bench.workload;

/**
 * Which rows of a table a partition has: runs of rows, the partitions by turns, so that all are at about the same
 * event time and each is in order.
 */
public record PartitionRows(int partition, int partitionCount) implements java.io.Serializable {
    private static final int RUN_ROWS = 1 << 10;

    /** The index in the table of the row that the partition gives behind {@code given} others. */
    public long index(long given) {
        return (given / RUN_ROWS * partitionCount + partition) * RUN_ROWS + given % RUN_ROWS;
    }

    /** How many rows the partition has below the table's row {@code end}. */
    public long countBelow(long end) {
        long turn = (long) RUN_ROWS * partitionCount;
        long rest = end % turn - (long) RUN_ROWS * partition;
        return end / turn * RUN_ROWS + Math.max(0, Math.min(RUN_ROWS, rest));
    }
}
