package dev.millrace.kafka.sink;

import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import java.lang.reflect.Field;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.internals.TransactionManager;
import org.apache.kafka.common.utils.AppInfoParser;
import org.apache.kafka.common.utils.ProducerIdAndEpoch;
import org.jspecify.annotations.Nullable;

/**
 * All reflection on Kafka's client. It can neither name a transaction nor resume one of an earlier process by its
 * public methods, so the producer id and epoch are read from, and put into, its transaction manager.
 *
 * <p>Source: {@code TransactionManager} of kafka-clients 3.9.
 *
 * <p>Thread: any.
 *
 * <p>Errors: UNSUPPORTED_SINK when the client does not have the expected shape; its producers are left as they were.
 */
final class ClientInternals {
    private static @Nullable ClientInternals loaded;

    private final Field transactionManager;
    private final Field idAndEpoch;
    private final Field currentState;
    private final Field transactionStarted;
    private final Object inTransaction;

    private ClientInternals() throws ReflectiveOperationException {
        transactionManager = field(KafkaProducer.class, "transactionManager", TransactionManager.class);
        idAndEpoch = field(TransactionManager.class, "producerIdAndEpoch", ProducerIdAndEpoch.class);
        transactionStarted = field(TransactionManager.class, "transactionStarted", boolean.class);
        currentState = accessible(TransactionManager.class, "currentState");
        inTransaction = constant(currentState.getType(), "IN_TRANSACTION");
    }

    /** Errors: UNSUPPORTED_SINK. */
    static synchronized ClientInternals load() {
        if (loaded == null) {
            try {
                loaded = new ClientInternals();
            } catch (ReflectiveOperationException | RuntimeException e) {
                throw misfit(e);
            }
        }
        return loaded;
    }

    /** The transaction that is open in a producer. */
    WriterMessage.Prepared transaction(KafkaProducer<?, ?> producer, String transactionalId) {
        try {
            ProducerIdAndEpoch open = (ProducerIdAndEpoch) idAndEpoch.get(transactionManager.get(producer));
            return new WriterMessage.Prepared(transactionalId, open.producerId, open.epoch);
        } catch (IllegalAccessException e) {
            throw misfit(e);
        }
    }

    /** Makes a producer that has done nothing yet believe that it began {@code transaction} and sent its records. */
    void resume(KafkaProducer<?, ?> producer, WriterMessage.Prepared transaction) {
        try {
            Object manager = transactionManager.get(producer);
            synchronized (manager) {
                idAndEpoch.set(manager, new ProducerIdAndEpoch(transaction.producerId(), transaction.producerEpoch()));
                transactionStarted.setBoolean(manager, true);
                currentState.set(manager, inTransaction);
            }
        } catch (IllegalAccessException e) {
            throw misfit(e);
        }
    }

    private static Field field(Class<?> owner, String name, Class<?> type) throws NoSuchFieldException {
        Field field = accessible(owner, name);
        if (field.getType() != type) {
            throw new NoSuchFieldException("%s.%s is a %s".formatted(owner.getName(), name, field.getType()));
        }
        return field;
    }

    private static Field accessible(Class<?> owner, String name) throws NoSuchFieldException {
        Field field = owner.getDeclaredField(name);
        field.setAccessible(true);
        return field;
    }

    private static Object constant(Class<?> type, String name) throws NoSuchFieldException {
        Object[] constants = type.getEnumConstants();
        if (constants != null) {
            for (Object constant : constants) {
                if (((Enum<?>) constant).name().equals(name)) {
                    return constant;
                }
            }
        }
        throw new NoSuchFieldException(type.getName() + "." + name);
    }

    private static MillraceException misfit(Exception cause) {
        return new MillraceException(
                ErrorCode.UNSUPPORTED_SINK,
                ("Cannot write to Kafka exactly once: kafka-clients=%s cannot resume transactions as 3.9 can, error=%s. "
                                + "Use the client that Spark ships, or leave spark.millrace.kafka.transactional out.")
                        .formatted(AppInfoParser.getVersion(), cause),
                cause);
    }
}
