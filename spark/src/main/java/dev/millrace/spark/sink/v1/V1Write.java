package dev.millrace.spark.sink.v1;

import dev.millrace.engine.epoch.Ballot;
import dev.millrace.spark.scala.Scala;
import dev.millrace.spark.sink.RecoverableWrite;
import dev.millrace.spark.sink.WriteRequest;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.apache.spark.SparkContext;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.catalyst.plans.logical.Statistics;
import org.apache.spark.sql.catalyst.plans.physical.UnknownPartitioning;
import org.apache.spark.sql.catalyst.types.DataTypeUtils$;
import org.apache.spark.sql.classic.Dataset;
import org.apache.spark.sql.classic.Dataset$;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.connector.write.PhysicalWriteInfo;
import org.apache.spark.sql.connector.write.WriterCommitMessage;
import org.apache.spark.sql.connector.write.streaming.StreamingDataWriterFactory;
import org.apache.spark.sql.execution.LogicalRDD;
import org.apache.spark.sql.execution.SQLExecution$;
import org.apache.spark.sql.execution.streaming.Sink;
import org.apache.spark.sql.execution.streaming.runtime.MicroBatchExecution;
import org.apache.spark.sql.execution.streaming.runtime.StreamExecution;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.util.SerializableConfiguration;
import scala.math.BigInt;

/**
 * Hands each epoch's rows to a V1 sink as a DataFrame, with the epoch's number. Tasks keep the rows as
 * they come: a few in their message, which the epoch's manifest holds, more of them in a file of the
 * checkpoint. So a commit that is repeated, in another process too, gives the same number with the same
 * rows, as the contract of {@code addBatch} has it. A continuous epoch without rows is not handed over, a
 * bounded one is, as each micro-batch is.
 *
 * <p>Thread: the query's; {@code addBatch} and what the user does in it run on it too.
 */
final class V1Write implements RecoverableWrite {
    private final SparkSession session;
    private final Sink sink;
    private final StructType schema;
    private final boolean handsOverEmpty;
    private final RowFolder folder;
    private final String attempt = UUID.randomUUID().toString();

    /** Files of the last epoch that was handed over; it may yet have to be again, until the next one is. */
    private List<String> filesOfLastEpoch = new ArrayList<>();

    V1Write(WriteRequest request, Sink sink) {
        this.session = request.session();
        this.sink = sink;
        this.schema = request.schema();
        this.handsOverEmpty = request.isBounded();
        this.folder = new RowFolder(
                request.checkpointRoot() + "/millrace/rows",
                new SerializableConfiguration(session.sessionState().newHadoopConf()));
    }

    @Override
    public StreamingDataWriterFactory createStreamingWriterFactory(PhysicalWriteInfo info) {
        return new RowKeeperFactory(folder, attempt);
    }

    @Override
    public boolean useCommitCoordinator() {
        return false;
    }

    @Override
    public void commit(long epoch, WriterCommitMessage[] messages) {
        List<KeptRows> parts = KeptRows.withRows(messages);
        if (handsOverEmpty || !parts.isEmpty()) {
            addBatch(epoch, dataFrame(parts));
        }
        List<String> files = KeptRows.files(parts);
        filesOfLastEpoch.removeAll(files);
        folder.delete(filesOfLastEpoch);
        filesOfLastEpoch = files;
    }

    /** Runs as in Spark's own micro-batch: under an execution of its own, with the number where sinks look for it. */
    private void addBatch(long epoch, Dataset<Row> rows) {
        SparkContext spark = session.sparkContext();
        spark.setLocalProperty(MicroBatchExecution.BATCH_ID_KEY(), Long.toString(epoch));
        spark.setLocalProperty(StreamExecution.IS_CONTINUOUS_PROCESSING(), "false");
        SQLExecution$.MODULE$.withNewExecutionId(rows.queryExecution(), Scala.none(), () -> {
            sink.addBatch(epoch, rows);
            return null;
        });
    }

    private Dataset<Row> dataFrame(List<KeptRows> parts) {
        long rowCount = 0;
        long sizeBytes = 0;
        for (KeptRows part : parts) {
            rowCount += part.rowCount();
            sizeBytes += part.rawBytes();
        }
        Statistics statistics = new Statistics(
                BigInt.apply(sizeBytes), Scala.option(BigInt.apply(rowCount)), Statistics.apply$default$3(), false);
        KeptRowsRdd rdd = new KeptRowsRdd(session.sparkContext(), folder, parts, schema.length());
        LogicalRDD relation = new LogicalRDD(
                Scala.cast(DataTypeUtils$.MODULE$.toAttributes(schema)),
                rdd,
                new UnknownPartitioning(parts.size()),
                Scala.emptySeq(),
                false,
                Scala.none(),
                session,
                Scala.option(statistics),
                Scala.none());
        return Dataset$.MODULE$.ofRows(session, relation);
    }

    @Override
    public void abort(long epoch, WriterCommitMessage[] messages) {
        folder.delete(KeptRows.files(KeptRows.withRows(messages)));
    }

    @Override
    public void end(boolean isSettled) {}

    @Override
    public Runnable unfinished(Ballot ballot) {
        List<String> found = folder.list();
        return () -> {
            folder.delete(found);
            filesOfLastEpoch = new ArrayList<>();
        };
    }

    @Override
    public String toString() {
        return "V1Write[%s]".formatted(sink);
    }
}
