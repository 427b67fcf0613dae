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

    /** Whether the partition never again gives what lies between {@code position} and {@code until}, or its front. */
    static boolean isLost(long position, long until, RecordConsumer.Available available) {
        return position < available.earliest()
                || position > available.latest()
                || (position == available.latest() && until < Long.MAX_VALUE);
    }

    /**
     * Where to go on: at the first record that is left. Where all that is left lies before {@code position}, which is
     * what Spark sees of a topic that was made anew, at {@code until}, or at the end where there is no such offset.
     *
     * @param until up to which offset is to be read, {@code Long.MAX_VALUE} for on and on
     */
    long skip(TopicPartition partition, long position, long until, RecordConsumer.Available available) {
        if (!isLost(position, until, available)) {
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
                                    sourceName,
                                    partition.topic(),
                                    partition.partition(),
                                    position,
                                    available.earliest(),
                                    available.latest()));
        }
        long target = goesOnAt(position, until, available);
        LOG.warn(
                "Source {} goes on at offset {} of topic {}, partition {}: offset {} is gone, {} to {} are available. "
                        + "Records may have been lost; the option failOnDataLoss is false.",
                sourceName,
                target,
                partition.topic(),
                partition.partition(),
                position,
                available.earliest(),
                available.latest());
        return target;
    }

    private static long goesOnAt(long position, long until, RecordConsumer.Available available) {
        if (position < available.earliest()) {
            return Math.min(available.earliest(), until);
        }
        return until < Long.MAX_VALUE ? until : available.latest();
    }
}
