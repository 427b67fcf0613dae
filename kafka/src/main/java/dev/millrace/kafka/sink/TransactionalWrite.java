package dev.millrace.kafka.sink;

import dev.millrace.engine.epoch.Ballot;
import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.spark.scala.Scala;
import dev.millrace.spark.sink.RecoverableWrite;
import java.util.UUID;
import org.apache.kafka.common.errors.InterruptException;
import org.apache.kafka.common.errors.InvalidPidMappingException;
import org.apache.kafka.common.errors.InvalidProducerEpochException;
import org.apache.kafka.common.errors.InvalidTxnStateException;
import org.apache.kafka.common.errors.ProducerFencedException;
import org.apache.spark.sql.connector.write.PhysicalWriteInfo;
import org.apache.spark.sql.connector.write.WriterCommitMessage;
import org.apache.spark.sql.connector.write.streaming.StreamingDataWriterFactory;
import org.jspecify.annotations.Nullable;

/**
 * Commits the transactions that writers prepared, and aborts those that nobody will commit.
 *
 * <p>A commit may come again. The broker answers "committed" as long as the id has begun nothing since, which
 * {@link TransactionNames} sees to. A transaction that it timed out, or that a later attempt of the query fenced, has a
 * raised producer epoch, and the broker refuses the commit: its rows are lost, which is never passed over.
 *
 * <p>Thread: the query's.
 *
 * <p>Errors: SINK_DATA_LOST; Kafka's own where the broker cannot be reached, which a repeated commit may get over.
 */
final class TransactionalWrite implements RecoverableWrite {
    /** Those of the attempt, once it has a ballot. */
    private TransactionSettings settings;

    private final UUID attempt = UUID.randomUUID();

    /** Null while there can be no writers. */
    private @Nullable AttemptProducers producers;

    private TransactionalWrite(TransactionSettings settings) {
        this.settings = settings;
    }

    /** Checks client, broker and topic. Errors: UNSUPPORTED_SETTING, UNSUPPORTED_SINK, SINK_FAILED. */
    static TransactionalWrite open(TransactionSettings settings) {
        ClientInternals.load();
        try (TransactionAdmin admin = TransactionAdmin.open(settings)) {
            admin.checkTopic();
            return new TransactionalWrite(settings.withinLimitOf(admin));
        }
    }

    /** Errors: INVARIANT before the attempt has a ballot. */
    @Override
    public StreamingDataWriterFactory createStreamingWriterFactory(PhysicalWriteInfo info) {
        if (settings.names().ballot().equals(Ballot.LOWEST)) {
            throw new MillraceException(
                    ErrorCode.INVARIANT, "Cannot write to Kafka: the attempt has no ballot yet. Report this as a bug.");
        }
        producers = AttemptProducers.of(attempt);
        return new TransactionalWriterFactory(attempt, settings);
    }

    @Override
    public boolean useCommitCoordinator() {
        return false;
    }

    /** All that bear names of the query with lower ballots, found when they are given up. */
    @Override
    public Runnable unfinished(Ballot ballot) {
        settings = settings.of(ballot);
        return this::abortUnfinished;
    }

    private void abortUnfinished() {
        try (TransactionAdmin admin = TransactionAdmin.open(settings)) {
            admin.abortUnfinished();
        }
    }

    @Override
    public void commit(long epochId, WriterCommitMessage[] messages) {
        for (WriterCommitMessage message : messages) {
            if (message instanceof WriterMessage.Prepared transaction) {
                commit(epochId, transaction);
            }
        }
    }

    private void commit(long epoch, WriterMessage.Prepared transaction) {
        TransactionalProducer holder = producers == null ? null : producers.holder(transaction);
        try {
            if (holder == null) {
                TransactionalProducer.commitPrepared(settings, transaction);
            } else {
                holder.commit();
            }
        } catch (InterruptException e) {
            // The query tells a stop from a failure by the exception's class, and does not know Kafka's.
            InterruptedException interrupted = new InterruptedException("Interrupted while committing to Kafka.");
            interrupted.initCause(e);
            throw Scala.sneaky(interrupted);
        } catch (ProducerFencedException
                | InvalidProducerEpochException
                | InvalidTxnStateException
                | InvalidPidMappingException e) {
            throw lost(epoch, transaction, e);
        }
    }

    private MillraceException lost(long epoch, WriterMessage.Prepared transaction, RuntimeException cause) {
        return new MillraceException(
                ErrorCode.SINK_DATA_LOST,
                ("Cannot commit epoch %d to Kafka: transactional id=%s, producer epoch=%d, broker says %s (%s); the "
                                + "transaction was aborted because it was open for longer than "
                                + "kafka.transaction.timeout.ms=%d, or by another run of this query. Raise that "
                                + "option, and start once with spark.millrace.restore.epoch=%d to write the epoch's "
                                + "rows again; those of its other tasks may then be there twice.")
                        .formatted(
                                epoch,
                                transaction.transactionalId(),
                                transaction.producerEpoch(),
                                cause.getClass().getSimpleName(),
                                describe(transaction),
                                settings.timeoutMillis(),
                                epoch - 1),
                cause);
    }

    private String describe(WriterMessage.Prepared transaction) {
        try (TransactionAdmin admin = TransactionAdmin.open(settings)) {
            return admin.describe(transaction.transactionalId());
        } catch (RuntimeException e) {
            return "its state is unknown: " + e.getMessage();
        }
    }

    /** Aborts an epoch's transactions, which nobody can commit any more, so that readers do not wait for them. */
    @Override
    public void abort(long epochId, WriterCommitMessage[] messages) {
        if (producers != null) {
            for (WriterCommitMessage message : messages) {
                if (message instanceof WriterMessage.Prepared transaction) {
                    producers.abort(transaction);
                }
            }
        }
    }

    /**
     * Ends this attempt's producers. Prepared transactions stay: their epoch may be durable, and then the next attempt
     * commits them before it aborts the rest.
     */
    @Override
    public void end(boolean isSettled) {
        if (producers != null) {
            producers.close();
        }
    }
}
