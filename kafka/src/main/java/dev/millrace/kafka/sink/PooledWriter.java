package dev.millrace.kafka.sink;

import java.io.IOException;
import java.util.Map;
import org.apache.kafka.common.errors.InterruptException;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.connector.write.DataWriter;
import org.apache.spark.sql.connector.write.WriterCommitMessage;
import org.apache.spark.sql.connector.write.streaming.StreamingDataWriterFactory;
import org.apache.spark.sql.kafka010.KafkaDataWriterCommitMessage$;
import org.apache.spark.sql.kafka010.KafkaStreamWriterFactory;
import org.apache.spark.sql.kafka010.producer.CachedKafkaProducer;
import org.apache.spark.sql.kafka010.producer.InternalKafkaProducerPool$;
import org.jspecify.annotations.Nullable;

/**
 * Writes one task's rows of one epoch with the producer that Spark keeps for all of its process with the same settings,
 * as Spark's own writer does: at least once.
 *
 * <p>Thread: the writer's. Errors: Kafka's; a record that the broker refused fails the epoch. Source: Spark's
 * KafkaDataWriter.
 */
final class PooledWriter implements DataWriter<InternalRow> {
    private final RowSender sender;
    private final Map<String, Object> parameters;
    private @Nullable CachedKafkaProducer producer;

    private PooledWriter(RowSender sender, Map<String, Object> parameters) {
        this.sender = sender;
        this.parameters = parameters;
    }

    /** Makes writers as Spark's factory would, of what that one was made of. */
    record Factory(KafkaStreamWriterFactory sparks) implements StreamingDataWriterFactory {
        private static final long serialVersionUID = 1L;

        @Override
        public DataWriter<InternalRow> createWriter(int partitionId, long taskId, long epochId) {
            return new PooledWriter(new RowSender(sparks.schema(), sparks.topic()), sparks.producerParams());
        }
    }

    @Override
    public void write(InternalRow row) throws IOException {
        sender.checkForErrors();
        CachedKafkaProducer target = producer;
        if (target == null) {
            target = InternalKafkaProducerPool$.MODULE$.acquire(parameters);
            producer = target;
        }
        try {
            sender.send(row, target.producer());
        } catch (InterruptException e) {
            throw RowSender.interrupted(e);
        }
    }

    @Override
    public WriterCommitMessage commit() throws IOException {
        sender.checkForErrors();
        if (producer != null) {
            try {
                producer.producer().flush();
            } catch (InterruptException e) {
                throw RowSender.interrupted(e);
            }
            sender.checkForErrors();
        }
        return KafkaDataWriterCommitMessage$.MODULE$;
    }

    /** What was sent stays. */
    @Override
    public void abort() {}

    @Override
    public void close() {
        if (producer != null) {
            InternalKafkaProducerPool$.MODULE$.release(producer);
            producer = null;
        }
    }
}
