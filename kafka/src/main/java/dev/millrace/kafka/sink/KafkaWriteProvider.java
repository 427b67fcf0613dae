package dev.millrace.kafka.sink;

import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.spark.settings.MillraceSettings;
import dev.millrace.spark.sink.WriteProvider;
import dev.millrace.spark.sink.WriteRequest;
import java.util.Optional;
import org.apache.spark.sql.connector.catalog.Table;
import org.apache.spark.sql.connector.write.streaming.StreamingWrite;

/**
 * Offers the transactional write for Spark's Kafka table, where the user asked for it by session setting or sink
 * option; the option wins. Otherwise rows go through Spark's own write, with writers of Millrace's.
 *
 * <p>Knows the table by name alone: an application without Spark's Kafka connector has no such class.
 *
 * <p>Thread: any.
 */
public final class KafkaWriteProvider implements WriteProvider {
    private static final String TABLE = "org.apache.spark.sql.kafka010.KafkaSourceProvider$KafkaTable";
    private static final String WRITE = "org.apache.spark.sql.kafka010.KafkaStreamingWrite";

    /** No: the connector streams by itself, and without the setting it is left to it. */
    @Override
    public boolean writesTo(Table sink) {
        return false;
    }

    /** Errors: UNSUPPORTED_SETTING, UNSUPPORTED_SINK, SINK_FAILED where the broker cannot be asked. */
    @Override
    public Optional<StreamingWrite> streamingWrite(WriteRequest request) {
        if (!request.sink().getClass().getName().equals(TABLE) || !isTransactional(request)) {
            return Optional.empty();
        }
        try {
            TransactionSettings settings = TransactionSettings.of(request);
            return Optional.of(TransactionalWrite.open(settings));
        } catch (LinkageError e) {
            throw new MillraceException(
                    ErrorCode.UNSUPPORTED_SINK,
                    ("Cannot write to Kafka exactly once: Spark's Kafka connector is not visible where Millrace is, "
                                    + "error=%s. Put both jars on the same class path, or set %s=false.")
                            .formatted(e, MillraceSettings.KAFKA_TRANSACTIONAL.key()),
                    e);
        }
    }

    /** Takes rows to records itself, unless {@code spark.millrace.kafka.native} is off. */
    @Override
    public StreamingWrite over(StreamingWrite connectors, WriteRequest request) {
        boolean isMine = connectors.getClass().getName().equals(WRITE)
                && MillraceSettings.KAFKA_NATIVE.read(
                        request.session().sessionState().conf(), true);
        return isMine ? new PooledWrite(connectors) : connectors;
    }

    private static boolean isTransactional(WriteRequest request) {
        String key = MillraceSettings.KAFKA_TRANSACTIONAL.key();
        String option = request.options().get(key);
        return option == null
                ? MillraceSettings.KAFKA_TRANSACTIONAL.read(
                        request.session().sessionState().conf(), false)
                : MillraceSettings.KAFKA_TRANSACTIONAL.parse(option);
    }
}
