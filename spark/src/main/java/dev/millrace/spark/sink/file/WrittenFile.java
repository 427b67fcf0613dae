package dev.millrace.spark.sink.file;

import java.io.Serializable;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.Path;
import org.apache.spark.paths.SparkPath;
import org.apache.spark.sql.execution.streaming.sinks.FileStreamSinkLog;
import org.apache.spark.sql.execution.streaming.sinks.SinkFileStatus;

/**
 * A file that is whole. A record of our own rather than Spark's, because it lies in checkpoints and has
 * to be readable by another patch release of Spark.
 *
 * @param path the qualified path, encoded as a URL
 */
record WrittenFile(String path, long sizeBytes, long modificationMillis, int replication, long blockSizeBytes)
        implements Serializable {

    static WrittenFile of(FileStatus status) {
        return new WrittenFile(
                SparkPath.fromPath(status.getPath()).urlEncoded(),
                status.getLen(),
                status.getModificationTime(),
                status.getReplication(),
                status.getBlockSize());
    }

    /** As the folder's log has it. */
    SinkFileStatus logged() {
        return new SinkFileStatus(
                path,
                sizeBytes,
                false,
                modificationMillis,
                replication,
                blockSizeBytes,
                FileStreamSinkLog.ADD_ACTION());
    }

    Path location() {
        return SparkPath.fromUrlString(path).toPath();
    }
}
