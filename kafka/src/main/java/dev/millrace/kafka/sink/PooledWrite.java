package dev.millrace.kafka.sink;

import org.apache.spark.sql.connector.write.PhysicalWriteInfo;
import org.apache.spark.sql.connector.write.WriterCommitMessage;
import org.apache.spark.sql.connector.write.streaming.StreamingDataWriterFactory;
import org.apache.spark.sql.connector.write.streaming.StreamingWrite;
import org.apache.spark.sql.kafka010.KafkaStreamWriterFactory;

/**
 * Spark's own Kafka write, but for the writers ({@link PooledWriter}).
 *
 * @param sparks what checked the options and columns
 *
 * <p>Thread: the query's.
 */
record PooledWrite(StreamingWrite sparks) implements StreamingWrite {
    @Override
    public StreamingDataWriterFactory createStreamingWriterFactory(PhysicalWriteInfo info) {
        return new PooledWriter.Factory((KafkaStreamWriterFactory) sparks.createStreamingWriterFactory(info));
    }

    @Override
    public boolean useCommitCoordinator() {
        return sparks.useCommitCoordinator();
    }

    @Override
    public void commit(long epochId, WriterCommitMessage[] messages) {
        sparks.commit(epochId, messages);
    }

    @Override
    public void abort(long epochId, WriterCommitMessage[] messages) {
        sparks.abort(epochId, messages);
    }
}
