package dev.millrace.spark.source;

import java.io.Serializable;
import java.util.List;
import org.apache.spark.sql.connector.read.InputPartition;

/**
 * How the portions of a stream are read by readers of Millrace's own. It travels to the workers, which make their readers
 * by it. Thread: any.
 */
public interface PortionReads extends Serializable {
    /**
     * Shares a portion out.
     *
     * @param partitions as the stream planned them
     * @param slotCount how many readers there are, on all workers; a split names one of them or any
     */
    List<Split> splits(InputPartition[] partitions, int slotCount);

    /** What a slot reads its splits with; one for each slot, whenever a dataflow is built. */
    SplitReader reader();
}
