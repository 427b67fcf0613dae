package dev.millrace.spark.sink.file;

import dev.millrace.spark.scala.Scala;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.mapreduce.JobContext;
import org.apache.hadoop.mapreduce.TaskAttemptContext;
import org.apache.spark.internal.io.FileCommitProtocol;
import org.apache.spark.internal.io.FileCommitProtocol.TaskCommitMessage;
import org.apache.spark.internal.io.FileNameSpec;
import org.apache.spark.sql.errors.QueryExecutionErrors;
import scala.Option;
import scala.collection.immutable.Seq;

/**
 * Names one task's files of one epoch and says what became of them. They are written where they are to
 * stay: only the folder's log makes them count.
 *
 * <p>Thread: the task's. Source: Spark's ManifestFileCommitProtocol; of a job's side nothing is used.
 */
final class TaskFileProtocol extends FileCommitProtocol {
    private final Path folder;
    private final int taskIndex;
    private final String attempt;
    private final long epoch;
    private final List<Path> files = new ArrayList<>();

    TaskFileProtocol(String folder, int taskIndex, String attempt, long epoch) {
        this.folder = new Path(folder);
        this.taskIndex = taskIndex;
        this.attempt = attempt;
        this.epoch = epoch;
    }

    @Override
    public String newTaskTempFile(TaskAttemptContext context, Option<String> partition, FileNameSpec spec) {
        Path parent = Scala.optional(partition)
                .map(relative -> new Path(folder, relative))
                .orElse(folder);
        Path file = new Path(parent, FileNaming.name(taskIndex, attempt, epoch, files.size(), spec));
        files.add(file);
        return file.toString();
    }

    @Override
    public String newTaskTempFileAbsPath(TaskAttemptContext context, String absoluteFolder, FileNameSpec spec) {
        throw Scala.sneaky(QueryExecutionErrors.addFilesWithAbsolutePathUnsupportedError(toString()));
    }

    /** The files as they are now, whole. */
    @Override
    public TaskCommitMessage commitTask(TaskAttemptContext context) {
        try {
            FileSystem storage = folder.getFileSystem(context.getConfiguration());
            ArrayList<WrittenFile> written = new ArrayList<>(files.size());
            for (Path file : files) {
                written.add(WrittenFile.of(storage.getFileStatus(file)));
            }
            return new TaskCommitMessage(new TaskFiles(written));
        } catch (IOException e) {
            throw Scala.sneaky(e);
        }
    }

    @Override
    public void abortTask(TaskAttemptContext context) {
        try {
            FileSystem storage = folder.getFileSystem(context.getConfiguration());
            for (Path file : files) {
                storage.delete(file, false);
            }
        } catch (IOException e) {
            throw Scala.sneaky(e);
        }
    }

    @Override
    public void setupJob(JobContext context) {}

    @Override
    public void setupTask(TaskAttemptContext context) {}

    @Override
    public void abortJob(JobContext context) {}

    @Override
    public void commitJob(JobContext context, Seq<TaskCommitMessage> messages) {
        throw new UnsupportedOperationException("An epoch is committed by its write.");
    }
}
