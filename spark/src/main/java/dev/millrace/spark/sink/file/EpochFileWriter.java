package dev.millrace.spark.sink.file;

import dev.millrace.spark.scala.Scala;
import java.io.IOException;
import java.util.ArrayList;
import java.util.function.Supplier;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.connector.write.DataWriter;
import org.apache.spark.sql.connector.write.WriterCommitMessage;
import org.apache.spark.sql.execution.datasources.FileFormatDataWriter;
import org.jspecify.annotations.Nullable;

/**
 * Writes one task's rows of one epoch. Spark's writers open a file when they are made, so they are made
 * by the first row: an epoch without rows leaves no file.
 *
 * <p>Thread: the task's.
 */
final class EpochFileWriter implements DataWriter<InternalRow> {
    private final Supplier<FileFormatDataWriter> opener;
    private @Nullable FileFormatDataWriter files;

    /** @param opener makes the writer of all rows; called at most once */
    EpochFileWriter(Supplier<FileFormatDataWriter> opener) {
        this.opener = opener;
    }

    @Override
    public void write(InternalRow row) {
        if (files == null) {
            files = opener.get();
        }
        files.write(row);
    }

    /** Errors: what closing a file throws; then {@link #abort} follows. */
    @Override
    public WriterCommitMessage commit() {
        if (files == null) {
            return new TaskFiles(new ArrayList<>());
        }
        if (files instanceof PartitionedFiles partitioned) {
            partitioned.finish();
        }
        return Scala.cast(files.commit().commitMsg().obj());
    }

    @Override
    public void abort() {
        if (files != null) {
            files.abort();
        }
    }

    @Override
    public void close() throws IOException {
        if (files != null) {
            files.close();
        }
    }
}
