package dev.millrace.spark.sink.v1;

import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.connector.write.DataWriter;
import org.apache.spark.sql.connector.write.streaming.StreamingDataWriterFactory;

/**
 * Makes what keeps a task's rows, epoch after epoch.
 *
 * @param attempt names the run of the query, so that no two runs write the same file
 */
record RowKeeperFactory(RowFolder folder, String attempt) implements StreamingDataWriterFactory {
    private static final long serialVersionUID = 1L;

    @Override
    public DataWriter<InternalRow> createWriter(int partitionId, long taskId, long epochId) {
        return new RowKeeper(folder, "%d-%s-%d.rows".formatted(epochId, attempt, partitionId));
    }
}
