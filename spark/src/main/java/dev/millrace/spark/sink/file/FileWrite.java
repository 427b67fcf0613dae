package dev.millrace.spark.sink.file;

import dev.millrace.engine.epoch.Ballot;
import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.spark.scala.Scala;
import dev.millrace.spark.sink.RecoverableWrite;
import dev.millrace.spark.sink.WriteRequest;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.LocatedFileStatus;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.RemoteIterator;
import org.apache.hadoop.mapreduce.Job;
import org.apache.hadoop.mapreduce.lib.output.FileOutputFormat;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.catalyst.expressions.FileSourceMetadataAttribute$;
import org.apache.spark.sql.catalyst.types.DataTypeUtils$;
import org.apache.spark.sql.catalyst.util.CaseInsensitiveMap;
import org.apache.spark.sql.catalyst.util.CaseInsensitiveMap$;
import org.apache.spark.sql.catalyst.util.DateTimeUtils$;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.connector.write.PhysicalWriteInfo;
import org.apache.spark.sql.connector.write.WriterCommitMessage;
import org.apache.spark.sql.connector.write.streaming.StreamingDataWriterFactory;
import org.apache.spark.sql.errors.QueryExecutionErrors;
import org.apache.spark.sql.execution.datasources.DataSourceUtils$;
import org.apache.spark.sql.execution.datasources.OutputWriterFactory;
import org.apache.spark.sql.execution.datasources.WriteJobDescription;
import org.apache.spark.sql.execution.streaming.ManifestFileCommitProtocol;
import org.apache.spark.sql.internal.SQLConf;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.util.SerializableConfiguration;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Writes a query's rows as files of one of Spark's formats. Tasks write files where they are to stay;
 * an epoch's commit adds their names to the folder's log, under the epoch's number, and only what the
 * log names is read. So what was written for an epoch that never came to its commit does no harm, and
 * is deleted: at once where the process lives, else by the next start, which knows it by its name.
 *
 * <p>Thread: the query's. Source: Spark's FileStreamSink and FileFormatWriter.
 */
final class FileWrite implements RecoverableWrite {
    private static final Logger LOG = LoggerFactory.getLogger(FileWrite.class);
    private static final String COMMIT_PROTOCOL = "spark.sql.streaming.commitProtocolClass";
    private static final String MAX_RECORDS_PER_FILE = "maxRecordsPerFile";

    /**
     * Files that a task has open at once where Spark's own setting says nothing. A Parquet or ORC file
     * that is open holds up to a row group in memory.
     */
    private static final int USUAL_MAX_OPEN_FILES = 16;

    private final SparkSession session;
    private final FileSinkParts sink;
    private final FileSinkLog log;
    private final WritingAttempts attempts;
    private final List<Attribute> columns;
    private final List<Attribute> partitionColumns;
    private final List<Attribute> dataColumns;
    private final String attempt = UUID.randomUUID().toString();

    private FileWrite(WriteRequest request, FileSinkParts sink, List<Attribute> columns) {
        this.session = request.session();
        this.sink = sink;
        this.log = new FileSinkLog(sink.path(), sink.log());
        this.attempts = WritingAttempts.of(request.checkpointRoot(), hadoopConfiguration());
        this.columns = columns;
        this.partitionColumns = partitionColumns(request, sink, columns);
        this.dataColumns = new ArrayList<>(columns);
        dataColumns.removeAll(partitionColumns);
    }

    /** Errors: UNSUPPORTED_SINK, and Spark's own for columns and types that the format cannot take. */
    static FileWrite of(WriteRequest request, FileSinkParts sink) {
        SQLConf conf = request.session().sessionState().conf();
        if (!conf.streamingFileCommitProtocolClass().equals(ManifestFileCommitProtocol.class.getName())) {
            throw new MillraceException(
                    ErrorCode.UNSUPPORTED_SINK,
                    "Cannot write files on Millrace: %s=%s. Unset it: files become visible by the folder's log alone."
                            .formatted(COMMIT_PROTOCOL, conf.streamingFileCommitProtocolClass()));
        }
        List<Attribute> columns = new ArrayList<>();
        for (Attribute column : Scala.<Attribute>list(DataTypeUtils$.MODULE$.toAttributes(request.schema()))) {
            columns.add(FileSourceMetadataAttribute$.MODULE$.cleanupFileSourceMetadataInformation(column));
        }
        FileWrite write = new FileWrite(request, sink, columns);
        write.checkDataColumns();
        return write;
    }

    private static List<Attribute> partitionColumns(WriteRequest request, FileSinkParts sink, List<Attribute> columns) {
        var resolver = request.session().sessionState().conf().resolver();
        List<Attribute> found = new ArrayList<>();
        for (String name : sink.partitionColumns()) {
            found.add(columns.stream()
                    .filter(column -> (Boolean) resolver.apply(column.name(), name))
                    .findFirst()
                    .orElseThrow(() -> Scala.sneaky(
                            QueryExecutionErrors.partitionColumnNotFoundInSchemaError(name, request.schema()))));
        }
        return found;
    }

    private void checkDataColumns() {
        StructType schema = schema(dataColumns);
        DataSourceUtils$.MODULE$.verifySchema(sink.format(), schema, DataSourceUtils$.MODULE$.verifySchema$default$3());
        DataSourceUtils$.MODULE$.checkFieldNames(sink.format(), schema);
    }

    private static StructType schema(List<Attribute> columns) {
        return DataTypeUtils$.MODULE$.fromAttributes(Scala.seq(columns));
    }

    private Configuration hadoopConfiguration() {
        return session.sessionState().newHadoopConf();
    }

    @Override
    public StreamingDataWriterFactory createStreamingWriterFactory(PhysicalWriteInfo info) {
        int configured = session.sessionState().conf().maxConcurrentOutputFileWriters();
        int maxOpenFiles = configured > 0 ? configured : USUAL_MAX_OPEN_FILES;
        return new FileWriterFactory(description(), schema(columns), attempt, maxOpenFiles);
    }

    private WriteJobDescription description() {
        CaseInsensitiveMap<String> options = CaseInsensitiveMap$.MODULE$.apply(sink.options());
        Job job = job(options);
        OutputWriterFactory writers = sink.format().prepareWrite(session, job, options, schema(dataColumns));
        job.getConfiguration().set("spark.sql.sources.writeJobUUID", attempt);
        SQLConf conf = session.sessionState().conf();
        return new WriteJobDescription(
                attempt,
                new SerializableConfiguration(job.getConfiguration()),
                writers,
                Scala.<Attribute>seq(columns),
                Scala.<Attribute>seq(dataColumns),
                Scala.<Attribute>seq(partitionColumns),
                Scala.none(),
                sink.path(),
                Scala.immutableMap(Map.of()),
                Scala.optional(options.get(MAX_RECORDS_PER_FILE))
                        .map(Long::parseLong)
                        .orElseGet(conf::maxRecordsPerFile),
                Scala.optional(options.get(DateTimeUtils$.MODULE$.TIMEZONE_OPTION()))
                        .orElseGet(conf::sessionLocalTimeZone),
                Scala.emptySeq());
    }

    private Job job(CaseInsensitiveMap<String> options) {
        try {
            Job job = Job.getInstance(hadoopConfiguration());
            job.setOutputKeyClass(Void.class);
            job.setOutputValueClass(InternalRow.class);
            FileOutputFormat.setOutputPath(job, new Path(sink.path()));
            DataSourceUtils$.MODULE$.mergeWriteOptionsIntoHadoopConf(options, job.getConfiguration());
            return job;
        } catch (IOException e) {
            throw Scala.sneaky(e);
        }
    }

    @Override
    public boolean useCommitCoordinator() {
        return false;
    }

    @Override
    public void commit(long epoch, WriterCommitMessage[] messages) {
        log.add(epoch, TaskFiles.all(messages));
    }

    /** Deletes an epoch's files. Without messages, nothing of this attempt is left prepared. */
    @Override
    public void abort(long epoch, WriterCommitMessage[] messages) {
        try {
            FileSystem storage = storage();
            for (WrittenFile file : TaskFiles.all(messages)) {
                storage.delete(file.location(), false);
            }
        } catch (IOException e) {
            throw Scala.sneaky(e);
        }
    }

    /** The attempt may have left files behind where something of it is outstanding. */
    @Override
    public void end(boolean isSettled) {
        if (isSettled) {
            try {
                attempts.end(attempt);
            } catch (IOException e) {
                throw Scala.sneaky(e);
            }
        }
    }

    @Override
    public Runnable unfinished(Ballot ballot) {
        try {
            // Of these alone, for a younger attempt may have begun by the time that they are given up.
            Set<String> earlier = attempts.unended();
            return () -> giveUp(earlier);
        } catch (IOException e) {
            throw Scala.sneaky(e);
        }
    }

    private void giveUp(Set<String> earlier) {
        try {
            if (!earlier.isEmpty()) {
                deleteUncommitted(earlier);
                for (String ended : earlier) {
                    attempts.end(ended);
                }
            }
            attempts.begin(attempt);
        } catch (IOException e) {
            throw Scala.sneaky(e);
        }
    }

    private void deleteUncommitted(Set<String> earlier) throws IOException {
        long lastEpoch = log.lastEpoch();
        FileSystem storage = storage();
        Path folder = new Path(sink.path());
        if (!storage.exists(folder)) {
            return;
        }
        RemoteIterator<LocatedFileStatus> files = storage.listFiles(folder, true);
        while (files.hasNext()) {
            Path file = files.next().getPath();
            if (FileNaming.isBehind(file.getName(), earlier, lastEpoch)) {
                LOG.info("Deleting {}, which was written for an epoch that was never committed.", file);
                storage.delete(file, false);
            }
        }
    }

    private FileSystem storage() throws IOException {
        return new Path(sink.path()).getFileSystem(hadoopConfiguration());
    }

    @Override
    public String toString() {
        return "FileWrite[%s, %s]".formatted(sink.format(), sink.path());
    }
}
