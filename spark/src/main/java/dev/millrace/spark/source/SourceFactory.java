package dev.millrace.spark.source;

import org.apache.spark.sql.connector.read.streaming.ContinuousStream;
import org.apache.spark.sql.connector.read.streaming.MicroBatchStream;
import org.apache.spark.sql.connector.read.streaming.SparkDataStream;
import org.apache.spark.sql.connector.read.streaming.SupportsRealTimeMode;
import org.apache.spark.sql.execution.streaming.runtime.StreamingExecutionRelation;
import org.apache.spark.sql.internal.SQLConf;

/**
 * Makes the sources of a query out of its streams.
 *
 * @param conf the query's settings
 * @param pollNanos how long to wait between two looks for new data of a stream that is read in portions; 0 where the query
 *     hands them in
 */
public record SourceFactory(SQLConf conf, Reading reading, long pollNanos) {
    /** The source of a stream. */
    public SparkSource create(StreamLeaf leaf) {
        SparkDataStream stream = leaf.stream();
        if (reading == Reading.REAL_TIME) {
            if (stream instanceof SupportsRealTimeMode && stream instanceof MicroBatchStream realTime) {
                return flowing(leaf, new StreamAdapter.RealTime(realTime));
            }
            if (stream instanceof ContinuousStream continuous) {
                return flowing(leaf, new StreamAdapter.Continuous(continuous));
            }
        }
        PortionedStream portioned = leaf.relation() instanceof StreamingExecutionRelation first
                ? new PortionedStream.V1(first)
                : new PortionedStream.MicroBatch(
                        (MicroBatchStream) stream, StreamReads.ofPortions(new ReadRequest(conf, leaf.name(), stream)));
        return new PortionedSource(leaf.name(), portioned, leaf.schema(), pollNanos);
    }

    private SparkSource flowing(StreamLeaf leaf, StreamAdapter adapter) {
        return FlowingSource.of(conf, leaf.name(), adapter, leaf.schema());
    }
}
