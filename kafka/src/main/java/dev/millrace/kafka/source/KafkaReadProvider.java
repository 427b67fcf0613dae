package dev.millrace.kafka.source;

import dev.millrace.spark.settings.MillraceSettings;
import dev.millrace.spark.source.PortionReads;
import dev.millrace.spark.source.ReadProvider;
import dev.millrace.spark.source.ReadRequest;
import dev.millrace.spark.source.ReaderPlanner;
import java.util.Optional;

/** Reads the streams of Spark's Kafka connector, unless {@code spark.millrace.kafka.native} is off. Thread: any. */
public final class KafkaReadProvider implements ReadProvider {
    /** By name, because Spark's connector need not be there. */
    private static final String STREAM = "org.apache.spark.sql.kafka010.KafkaMicroBatchStream";

    @Override
    public Optional<ReaderPlanner> readers(ReadRequest request) {
        return isMine(request)
                ? Optional.of(
                        (partitions, workerCount) -> KafkaReader.ofAll(request.sourceName(), partitions, workerCount))
                : Optional.empty();
    }

    @Override
    public Optional<PortionReads> portions(ReadRequest request) {
        return isMine(request) ? Optional.of(new KafkaPortionReads(request.sourceName())) : Optional.empty();
    }

    private static boolean isMine(ReadRequest request) {
        return request.stream().getClass().getName().equals(STREAM)
                && MillraceSettings.KAFKA_NATIVE.read(request.conf(), true);
    }
}
