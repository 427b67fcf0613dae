package dev.millrace.spark.execution;

import dev.millrace.spark.scala.Scala;
import java.util.Arrays;
import java.util.Map;
import org.apache.spark.sql.execution.streaming.checkpointing.CommitLog;
import org.apache.spark.sql.execution.streaming.checkpointing.CommitMetadataBase;

/** Spark's commit log as the commit protocol sees it. Thread: the query's. */
final class SparkCommitLog implements dev.millrace.engine.epoch.CommitLog {
    private final CommitLog log;

    SparkCommitLog(CommitLog log) {
        this.log = log;
    }

    @Override
    public long last() {
        return Arrays.stream(log.listBatchesOnDisk()).max().orElse(-1);
    }

    @Override
    public void add(long epoch, long watermarkMillis) {
        CommitMetadataBase metadata =
                log.createMetadata(watermarkMillis, Scala.none(), Scala.immutableMap(Map.of()), log.defaultVersion());
        try {
            boolean unused = log.add(epoch, metadata); // false where it is there already, as it is when repeated
        } catch (Exception e) {
            // Another run that commits the same decided epoch may have been faster between Spark's look and its rename.
            if (last() < epoch) {
                throw e;
            }
        }
    }

    /** The watermark behind a committed epoch, in milliseconds. */
    long watermarkMillis(long epoch) {
        return Scala.optional(log.get(epoch))
                .map(CommitMetadataBase::nextBatchWatermarkMs)
                .orElse(0L);
    }
}
