package dev.millrace.kafka.sink;

import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import java.time.Duration;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.common.errors.InterruptException;
import org.apache.kafka.common.errors.InvalidTxnTimeoutException;
import org.jspecify.annotations.Nullable;

/**
 * A producer with a transactional id of its own, which writes one transaction after the other.
 *
 * <p>Thread: its task's while a transaction is written, the query's while one is prepared; no two at once.
 */
final class TransactionalProducer {
    /** How long an unfinished transaction's abort may take; then it is left for the next attempt to abort. */
    private static final Duration ABORT_TIMEOUT = Duration.ofSeconds(2);

    private final KafkaProducer<byte[], byte[]> client;
    private final String transactionalId;
    private volatile WriterMessage.@Nullable Prepared prepared;

    private TransactionalProducer(KafkaProducer<byte[], byte[]> client, String transactionalId) {
        this.client = client;
        this.transactionalId = transactionalId;
    }

    /** Takes a transactional id over: who had it before is fenced, and what he left open is aborted. */
    static TransactionalProducer open(TransactionSettings settings, String transactionalId) {
        KafkaProducer<byte[], byte[]> client = new KafkaProducer<>(settings.producerParameters(transactionalId));
        try {
            client.initTransactions();
        } catch (InvalidTxnTimeoutException e) {
            client.close(Duration.ZERO);
            throw new MillraceException(
                    ErrorCode.UNSUPPORTED_SETTING,
                    ("Cannot write to Kafka exactly once: kafka.transaction.timeout.ms=%d is larger than the broker's "
                                    + "transaction.max.timeout.ms. Lower the first, or raise the second.")
                            .formatted(settings.timeoutMillis()),
                    e);
        } catch (RuntimeException e) {
            client.close(Duration.ZERO);
            throw e;
        }
        return new TransactionalProducer(client, transactionalId);
    }

    /** Commits a transaction that was prepared elsewhere. One that is committed already stays so. */
    static void commitPrepared(TransactionSettings settings, WriterMessage.Prepared transaction) {
        KafkaProducer<byte[], byte[]> client =
                new KafkaProducer<>(settings.producerParameters(transaction.transactionalId()));
        try {
            ClientInternals.load().resume(client, transaction);
            client.commitTransaction();
        } finally {
            client.close(Duration.ZERO);
        }
    }

    KafkaProducer<byte[], byte[]> client() {
        return client;
    }

    void begin() {
        client.beginTransaction();
    }

    /** Sends what is buffered and waits for the broker; whether it took everything only the callbacks tell. */
    void flush() {
        client.flush();
    }

    /** Names the open transaction, which from now on nobody but a commit touches. */
    WriterMessage.Prepared prepare() {
        WriterMessage.Prepared transaction = ClientInternals.load().transaction(client, transactionalId);
        prepared = transaction;
        return transaction;
    }

    boolean isPrepared() {
        return prepared != null;
    }

    boolean isPrepared(WriterMessage.Prepared transaction) {
        return transaction.equals(prepared);
    }

    void commit() {
        client.commitTransaction();
        prepared = null;
    }

    /** Ends the producer and leaves its transaction as the broker has it. */
    void abandon() {
        client.close(Duration.ZERO);
    }

    /** Ends the producer and aborts its open transaction, if the broker answers soon. */
    void abort() {
        try {
            client.close(ABORT_TIMEOUT); // the client aborts what is open when it has time to close
        } catch (InterruptException e) {
            // It is closed all the same; the next attempt aborts what stayed open. The thread's interrupt is kept.
        }
    }
}
