package dev.millrace.kafka.sink;

import java.util.UUID;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.connector.write.DataWriter;
import org.apache.spark.sql.connector.write.streaming.StreamingDataWriterFactory;
import org.jspecify.annotations.Nullable;

/**
 * Makes the writers of one attempt, in any process.
 *
 * <p>Thread: one task's; each has its own copy.
 */
final class TransactionalWriterFactory implements StreamingDataWriterFactory {
    private static final long serialVersionUID = 1L;

    private final UUID attempt;
    private final TransactionSettings settings;

    /** Looked up once: a task that outlives its attempt must find it closed, not begin it anew. */
    private transient @Nullable AttemptProducers producers;

    TransactionalWriterFactory(UUID attempt, TransactionSettings settings) {
        this.attempt = attempt;
        this.settings = settings;
    }

    @Override
    public DataWriter<InternalRow> createWriter(int partitionId, long taskId, long epochId) {
        if (producers == null) {
            producers = AttemptProducers.of(attempt);
        }
        return new TransactionalWriter(producers, settings, partitionId, epochId);
    }
}
