package dev.millrace.kafka.sink;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * The producers that one attempt of a query has in this process, by transactional id. Writers, whose factory is
 * copied by its bytes, and the write that commits meet here.
 *
 * <p>Thread: any. Lifetime: until {@link #close}. Bounds: {@link TransactionNames#SLOTS} producers per task.
 */
final class AttemptProducers {
    private static final ConcurrentHashMap<UUID, AttemptProducers> ATTEMPTS = new ConcurrentHashMap<>();

    private final UUID attempt;
    private final Map<String, TransactionalProducer> producers = new HashMap<>();
    private boolean closed;

    private AttemptProducers(UUID attempt) {
        this.attempt = attempt;
    }

    static AttemptProducers of(UUID attempt) {
        return ATTEMPTS.computeIfAbsent(attempt, AttemptProducers::new);
    }

    /** A producer with a transaction that has just begun. */
    TransactionalProducer begin(TransactionSettings settings, int taskIndex, long epoch) {
        String transactionalId = settings.names().id(taskIndex, epoch);
        TransactionalProducer producer = find(transactionalId);
        if (producer != null && producer.isPrepared()) {
            // Committed from another process, so this client does not know that its transaction is over.
            remove(transactionalId);
            producer.abandon();
            producer = null;
        }
        if (producer == null) {
            producer = TransactionalProducer.open(settings, transactionalId);
            keep(transactionalId, producer);
        }
        producer.begin();
        return producer;
    }

    /** The producer in which a transaction is prepared, if it lives here. */
    @Nullable
    TransactionalProducer holder(WriterMessage.Prepared transaction) {
        TransactionalProducer producer = find(transaction.transactionalId());
        return producer != null && producer.isPrepared(transaction) ? producer : null;
    }

    /** Gives up an id's producer with the transaction that it has open. */
    void abort(int taskIndex, long epoch, TransactionNames names) {
        abort(names.id(taskIndex, epoch));
    }

    /** Gives up the producer in which a transaction is prepared, with the transaction. */
    void abort(WriterMessage.Prepared transaction) {
        if (holder(transaction) != null) {
            abort(transaction.transactionalId());
        }
    }

    private void abort(String transactionalId) {
        TransactionalProducer producer = remove(transactionalId);
        if (producer != null) {
            producer.abort();
        }
    }

    /** Ends all producers and leaves their transactions as they are: those of durable epochs will be committed. */
    void close() {
        List<TransactionalProducer> abandoned;
        synchronized (this) {
            closed = true;
            abandoned = new ArrayList<>(producers.values());
            producers.clear();
        }
        ATTEMPTS.remove(attempt);
        abandoned.forEach(TransactionalProducer::abandon);
    }

    private synchronized @Nullable TransactionalProducer find(String transactionalId) {
        return producers.get(transactionalId);
    }

    private synchronized @Nullable TransactionalProducer remove(String transactionalId) {
        return producers.remove(transactionalId);
    }

    private void keep(String transactionalId, TransactionalProducer producer) {
        synchronized (this) {
            if (!closed) {
                producers.put(transactionalId, producer);
                return;
            }
        }
        producer.abandon();
        throw new IllegalStateException("Cannot write: this attempt of the query is over.");
    }
}
