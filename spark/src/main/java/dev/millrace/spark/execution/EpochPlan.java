package dev.millrace.spark.execution;

import java.util.Map;
import org.apache.spark.sql.connector.read.streaming.Offset;
import org.apache.spark.sql.connector.read.streaming.SparkDataStream;
import org.apache.spark.sql.execution.streaming.checkpointing.OffsetSeqMetadataBase;
import org.apache.spark.sql.execution.streaming.runtime.StreamProgress;

/**
 * A bounded epoch as it stands in the offset log, before its first row.
 *
 * @param entry its entry there, byte by byte
 * @param ends where each stream ends; none of a stream that never had data
 * @param metadata its time and watermark, and the settings that it is bound to
 * @param hasData whether a stream has anything for it
 */
@SuppressWarnings("ArrayRecordComponent") // opaque bytes that are only handed on
record EpochPlan(
        long epoch, byte[] entry, Map<SparkDataStream, Offset> ends, OffsetSeqMetadataBase metadata, boolean hasData) {
    StreamProgress end() {
        return Checkpoint.progressOf(ends);
    }

    /** The watermark that the epoch's end brings. */
    long watermarkMillis() {
        return metadata.batchWatermarkMs();
    }

    long timestampMillis() {
        return metadata.batchTimestampMs();
    }
}
