package dev.millrace.kafka.sink;

import org.apache.spark.sql.connector.write.WriterCommitMessage;

/** What a writer leaves behind at the end of an epoch. */
sealed interface WriterMessage extends WriterCommitMessage {
    /** There was no row, so there is nothing to commit. */
    record NothingWritten() implements WriterMessage {}

    /**
     * An open transaction whose records are all acknowledged. With these three any process can commit it.
     *
     * @param transactionalId the producer's name for life
     * @param producerId what the broker calls it
     * @param producerEpoch raised by the broker each time that a producer takes the name over or is timed out
     */
    record Prepared(String transactionalId, long producerId, short producerEpoch) implements WriterMessage {}
}
