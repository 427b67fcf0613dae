package dev.millrace.spark.source;

import dev.millrace.engine.source.SourceReader;
import java.util.List;
import org.apache.spark.sql.connector.read.InputPartition;

/** Makes what reads a stream's partitions, whenever a dataflow is built. Thread: the query's. */
public interface ReaderFactory {
    /**
     * Readers of all partitions, which together read them in the given order. Their positions are the
     * stream's {@code PartitionOffset}s.
     *
     * @param partitions as the stream planned them
     */
    List<SourceReader> readers(InputPartition[] partitions);
}
