package dev.millrace.kafka.source;

import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import org.apache.kafka.common.TopicPartition;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What to do when a partition no longer holds the offset to be read next: it was deleted by retention or
 * by hand, or the topic was made anew.
 *
 * @param sourceName the source
 * @param fails whether the query then ends: Spark's option {@code failOnDataLoss}
 *
 * <p>Thread: any. Errors: SOURCE_DATA_LOST.
 */
record DataLoss(String sourceName, boolean fails) {
    private static final Logger LOG = LoggerFactory.getLogger(DataLoss.class);

    /**
     * Where to go on: at the first record that is left, or at the end where all that is left lies
     * before {@code position}, which is what Spark does with a topic that was made anew.
     *
     * @param earliest the first offset that the partition holds
     * @param latest the offset behind its last
     */
    long skip(TopicPartition partition, long position, long earliest, long latest) {
        if (position >= earliest && position <= latest) {
            return position; // It is there again.
        }
        if (fails) {
            throw new MillraceException(
                    ErrorCode.SOURCE_DATA_LOST,
                    ("Cannot read on: source=%s, topic=%s, partition=%d, offset=%d, available=%d to %d. Records were "
                                    + "deleted before they were read, or the topic was made anew. Set the option "
                                    + "failOnDataLoss to false to go on with what is left, or start with a new "
                                    + "checkpoint location.")
                            .formatted(
                                    sourceName, partition.topic(), partition.partition(), position, earliest, latest));
        }
        long target = position < earliest ? earliest : latest;
        LOG.warn(
                "Source {} goes on at offset {} of topic {}, partition {}: offset {} is gone, {} to {} are available. "
                        + "Records may have been lost; the option failOnDataLoss is false.",
                sourceName,
                target,
                partition.topic(),
                partition.partition(),
                position,
                earliest,
                latest);
        return target;
    }
}
