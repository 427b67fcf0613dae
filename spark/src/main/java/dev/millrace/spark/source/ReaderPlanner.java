package dev.millrace.spark.source;

import dev.millrace.engine.source.ReaderFactory;
import java.util.List;
import org.apache.spark.sql.connector.read.InputPartition;

/** Plans what reads a stream's partitions, for each life of a dataflow. Thread: the query's. */
public interface ReaderPlanner {
    /**
     * Readers of all partitions, in an order that the stream can merge offsets in. Their positions are the stream's
     * {@code PartitionOffset}s.
     *
     * @param partitions as the stream planned them
     * @param workerCount among how many workers the readers are shared out, one by one
     */
    List<? extends ReaderFactory> readers(InputPartition[] partitions, int workerCount);
}
