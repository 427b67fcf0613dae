package dev.millrace.kafka.sink;

import dev.millrace.spark.scala.Scala;
import java.io.IOException;
import java.io.InterruptedIOException;
import org.apache.kafka.common.errors.InterruptException;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.types.DataTypeUtils;
import org.apache.spark.sql.connector.write.DataWriter;
import org.apache.spark.sql.connector.write.WriterCommitMessage;
import org.apache.spark.sql.kafka010.KafkaRowWriter;
import org.jspecify.annotations.Nullable;

/**
 * Writes one task's rows of one epoch in one transaction, which the first row begins. A row becomes a record as in
 * Spark's own writer, whose code does it.
 *
 * <p>Thread: the writer's. Errors: Kafka's; a record that the broker refused fails the epoch.
 */
final class TransactionalWriter extends KafkaRowWriter implements DataWriter<InternalRow> {
    private final AttemptProducers producers;
    private final TransactionSettings settings;
    private final int taskIndex;
    private final long epoch;

    /** The producer while its transaction is open and not prepared. */
    private @Nullable TransactionalProducer producer;

    TransactionalWriter(AttemptProducers producers, TransactionSettings settings, int taskIndex, long epoch) {
        super(Scala.cast(DataTypeUtils.toAttributes(settings.schema())), settings.topic());
        this.producers = producers;
        this.settings = settings;
        this.taskIndex = taskIndex;
        this.epoch = epoch;
    }

    @Override
    public void write(InternalRow row) throws IOException {
        checkForErrors();
        try {
            TransactionalProducer target = producer;
            if (target == null) {
                target = producers.begin(settings, taskIndex, epoch);
                producer = target;
            }
            sendRow(row, target.client());
        } catch (InterruptException e) {
            throw interrupted(e);
        }
    }

    /** Leaves the transaction prepared. */
    @Override
    public WriterCommitMessage commit() throws IOException {
        TransactionalProducer target = producer;
        if (target == null) {
            return new WriterMessage.NothingWritten();
        }
        try {
            target.flush();
        } catch (InterruptException e) {
            throw interrupted(e);
        }
        checkForErrors();
        producer = null;
        return target.prepare();
    }

    @Override
    public void abort() {
        if (producer != null) {
            producer = null;
            producers.abort(taskIndex, epoch, settings.names());
        }
    }

    @Override
    public void close() {
        abort();
    }

    /** The query tells a stop from a failure by the exception's class, and does not know Kafka's. */
    private static InterruptedIOException interrupted(InterruptException cause) {
        InterruptedIOException interrupted = new InterruptedIOException("Interrupted while writing to Kafka.");
        interrupted.initCause(cause);
        return interrupted;
    }
}
