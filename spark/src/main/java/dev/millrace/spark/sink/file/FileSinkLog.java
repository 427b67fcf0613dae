package dev.millrace.spark.sink.file;

import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.spark.scala.Scala;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.apache.spark.sql.execution.streaming.sinks.FileStreamSinkLog;
import org.apache.spark.sql.execution.streaming.sinks.SinkFileStatus;

/**
 * The log of a folder, in Spark's format: which files count, epoch by epoch. Its readers need an entry
 * for every number up to the last, so an epoch without files has one too.
 *
 * <p>Thread: the query's.
 */
final class FileSinkLog {
    private final String folder;
    private final FileStreamSinkLog log;

    FileSinkLog(String folder, FileStreamSinkLog log) {
        this.folder = folder;
        this.log = log;
    }

    /** The last epoch that the log has, or -1. */
    long lastEpoch() {
        return (Long) Scala.optional(log.getLatestBatchId()).orElse(-1L);
    }

    /**
     * Adds an epoch's files; nothing happens when the log has them already.
     *
     * <p>Errors: UNSUPPORTED_CHECKPOINT when the log has the number with other files: then another
     * checkpoint's query wrote the folder, and these files would silently never be read.
     */
    void add(long epoch, List<WrittenFile> files) {
        long last = lastEpoch();
        if (epoch <= last) {
            requireLogged(epoch, last, files);
            return;
        }
        for (long missing = last + 1; missing < epoch; missing++) {
            add(missing, new SinkFileStatus[0]);
        }
        add(epoch, files.stream().map(WrittenFile::logged).toArray(SinkFileStatus[]::new));
    }

    private void add(long epoch, SinkFileStatus[] files) {
        if (!log.add(epoch, files)) {
            throw foreign(epoch, epoch);
        }
    }

    private void requireLogged(long epoch, long last, List<WrittenFile> files) {
        if (files.isEmpty()) {
            return;
        }
        Set<String> logged = new HashSet<>();
        SinkFileStatus[] entry = Scala.optional(log.get(epoch)).orElse(new SinkFileStatus[0]);
        for (SinkFileStatus file : entry) {
            logged.add(file.path());
        }
        if (!files.stream().map(WrittenFile::path).allMatch(logged::contains)) {
            throw foreign(epoch, last);
        }
    }

    private MillraceException foreign(long epoch, long last) {
        return new MillraceException(
                ErrorCode.UNSUPPORTED_CHECKPOINT,
                ("Cannot add files to the folder's log: path=%s, epoch=%d, last epoch in the log=%d, which a query with "
                                + "another checkpoint wrote. Give each query a folder of its own, or continue from the "
                                + "checkpoint that belongs to this one.")
                        .formatted(folder, epoch, last));
    }
}
