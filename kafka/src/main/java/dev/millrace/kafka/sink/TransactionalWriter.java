package dev.millrace.kafka.sink;

import java.io.IOException;
import org.apache.kafka.common.errors.InterruptException;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.connector.write.DataWriter;
import org.apache.spark.sql.connector.write.WriterCommitMessage;
import org.jspecify.annotations.Nullable;

/**
 * Writes one task's rows of one epoch in one transaction, which the first row begins.
 *
 * <p>Thread: the writer's. Errors: Kafka's; a record that the broker refused fails the epoch.
 */
final class TransactionalWriter implements DataWriter<InternalRow> {
    private final RowSender sender;
    private final AttemptProducers producers;
    private final TransactionSettings settings;
    private final int taskIndex;
    private final long epoch;

    /** The producer while its transaction is open and not prepared. */
    private @Nullable TransactionalProducer producer;

    TransactionalWriter(AttemptProducers producers, TransactionSettings settings, int taskIndex, long epoch) {
        this.sender = new RowSender(settings.schema(), settings.topic());
        this.producers = producers;
        this.settings = settings;
        this.taskIndex = taskIndex;
        this.epoch = epoch;
    }

    @Override
    public void write(InternalRow row) throws IOException {
        sender.checkForErrors();
        try {
            TransactionalProducer target = producer;
            if (target == null) {
                target = producers.begin(settings, taskIndex, epoch);
                producer = target;
            }
            sender.send(row, target.client());
        } catch (InterruptException e) {
            throw RowSender.interrupted(e);
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
            throw RowSender.interrupted(e);
        }
        sender.checkForErrors();
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
}
