package dev.millrace.spark.sink.file;

import dev.millrace.spark.scala.Scala;
import java.util.Date;
import java.util.Map;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.mapreduce.JobID;
import org.apache.hadoop.mapreduce.TaskAttemptContext;
import org.apache.hadoop.mapreduce.TaskAttemptID;
import org.apache.hadoop.mapreduce.TaskID;
import org.apache.hadoop.mapreduce.TaskType;
import org.apache.hadoop.mapreduce.task.TaskAttemptContextImpl;
import org.apache.spark.internal.io.SparkHadoopWriterUtils$;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.connector.write.DataWriter;
import org.apache.spark.sql.connector.write.streaming.StreamingDataWriterFactory;
import org.apache.spark.sql.execution.datasources.FileFormatDataWriter;
import org.apache.spark.sql.execution.datasources.SingleDirectoryDataWriter;
import org.apache.spark.sql.execution.datasources.WriteJobDescription;
import org.apache.spark.sql.types.StructType;

/**
 * Opens the files of one task, epoch after epoch.
 *
 * @param schema all columns, those of the partitions among them
 * @param attempt names the run of the query that writes
 * @param maxOpenFiles how many files a task may have open at once
 */
record FileWriterFactory(WriteJobDescription description, StructType schema, String attempt, int maxOpenFiles)
        implements StreamingDataWriterFactory {
    private static final long serialVersionUID = 1L;

    @Override
    public DataWriter<InternalRow> createWriter(int partitionId, long taskId, long epochId) {
        return new EpochFileWriter(() -> open(partitionId, epochId));
    }

    private FileFormatDataWriter open(int taskIndex, long epoch) {
        TaskFileProtocol protocol = new TaskFileProtocol(description.path(), taskIndex, attempt, epoch);
        TaskAttemptContext context = context(taskIndex);
        return description.partitionColumns().isEmpty()
                ? new SingleDirectoryDataWriter(description, context, protocol, Scala.immutableMap(Map.of()))
                : new PartitionedFiles(description, schema, maxOpenFiles, context, protocol);
    }

    /** What formats expect of a Hadoop task. The configuration is this copy's own. */
    private TaskAttemptContext context(int taskIndex) {
        JobID job = SparkHadoopWriterUtils$.MODULE$.createJobID(new Date(), 0);
        TaskID task = new TaskID(job, TaskType.MAP, taskIndex);
        TaskAttemptID taskAttempt = new TaskAttemptID(task, 0);
        Configuration configuration = description.serializableHadoopConf().value();
        configuration.set("mapreduce.job.id", job.toString());
        configuration.set("mapreduce.task.id", task.toString());
        configuration.set("mapreduce.task.attempt.id", taskAttempt.toString());
        configuration.setBoolean("mapreduce.task.ismap", true);
        configuration.setInt("mapreduce.task.partition", 0);
        return new TaskAttemptContextImpl(configuration, taskAttempt);
    }
}
