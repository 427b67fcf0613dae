package dev.millrace.spark.source;

import java.util.List;
import org.apache.spark.sql.connector.read.InputPartition;

/** How the portions of a stream are read by readers of Millrace's own. Thread: the query's. */
public interface PortionReads {
    /**
     * Shares a portion out.
     *
     * @param partitions as the stream planned them
     * @param slotCount how many readers there are
     */
    List<Split> splits(InputPartition[] partitions, int slotCount);

    /** What a slot reads its splits with; one for each slot, whenever a dataflow is built. */
    SplitReader reader();
}
