package dev.millrace.spark.sink;

import dev.millrace.engine.epoch.Ballot;
import dev.millrace.spark.scala.Scala;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.encoders.ExpressionEncoder;
import org.apache.spark.sql.catalyst.expressions.UnsafeRow;
import org.apache.spark.sql.catalyst.types.DataTypeUtils$;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.connector.catalog.Table;
import org.apache.spark.sql.connector.write.DataWriter;
import org.apache.spark.sql.connector.write.PhysicalWriteInfoImpl;
import org.apache.spark.sql.connector.write.WriterCommitMessage;
import org.apache.spark.sql.connector.write.streaming.StreamingDataWriterFactory;
import org.apache.spark.sql.execution.streaming.Sink;
import org.apache.spark.sql.streaming.OutputMode;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.sql.util.CaseInsensitiveStringMap;
import org.jspecify.annotations.Nullable;

/**
 * One attempt of a query at a sink, each step taken by hand: what a dataflow and the epochs' commits
 * would do. Messages go through bytes, as they do through a manifest.
 */
public final class DrivenWrite {
    private static final int TASKS = 2;

    private final SparkSession session;
    private final StructType schema;
    private final RecoverableWrite write;
    private @Nullable StreamingDataWriterFactory factory;

    public DrivenWrite(SparkSession session, Table sink, StructType schema, String checkpoint) {
        this.session = session;
        this.schema = schema;
        WriteRequest request = new WriteRequest(
                session,
                sink,
                new CaseInsensitiveStringMap(Map.of()),
                schema,
                OutputMode.Append(),
                "query",
                checkpoint,
                1_000,
                false);
        write = (RecoverableWrite) StreamingWrites.of(request, () -> {
            throw new AssertionError("no write of Millrace's own for " + sink);
        });
    }

    /** Starts to write, behind what had to be committed again. */
    public DrivenWrite begin() {
        write.unfinished(new Ballot(1, "run")).run();
        factory = write.createStreamingWriterFactory(new PhysicalWriteInfoImpl(TASKS));
        return this;
    }

    /** Writes rows in turn to the tasks, and prepares the epoch. */
    public byte[] prepare(long epoch, List<Row> rows) throws Exception {
        List<DataWriter<InternalRow>> writers = write(epoch, rows);
        WriterCommitMessage[] messages = new WriterCommitMessage[TASKS];
        for (int task = 0; task < TASKS; task++) {
            messages[task] = writers.get(task).commit();
            writers.get(task).close();
        }
        return serialize(messages);
    }

    /** Writes rows and goes no further, as a process that dies. */
    public List<DataWriter<InternalRow>> write(long epoch, List<Row> rows) throws Exception {
        List<DataWriter<InternalRow>> writers = new ArrayList<>();
        for (int task = 0; task < TASKS; task++) {
            writers.add(Objects.requireNonNull(factory, "begun").createWriter(task, task, epoch));
        }
        var serializer = ExpressionEncoder.apply(schema)
                .resolveAndBind(
                        Scala.cast(DataTypeUtils$.MODULE$.toAttributes(schema)),
                        session.sessionState().analyzer())
                .createSerializer();
        int next = 0;
        for (Row row : rows) {
            writers.get(next++ % TASKS).write((UnsafeRow) serializer.apply(row));
        }
        return writers;
    }

    public void commit(long epoch, byte[] messages) {
        write.commit(epoch, deserialize(messages));
    }

    public void abort(long epoch, byte[] messages) {
        write.abort(epoch, deserialize(messages));
    }

    private static byte[] serialize(WriterCommitMessage[] messages) throws Exception {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (ObjectOutputStream output = new ObjectOutputStream(bytes)) {
            output.writeObject(messages);
        }
        return bytes.toByteArray();
    }

    private static WriterCommitMessage[] deserialize(byte[] messages) {
        try (ObjectInputStream input = new ObjectInputStream(new ByteArrayInputStream(messages))) {
            return (WriterCommitMessage[]) input.readObject();
        } catch (IOException | ClassNotFoundException e) {
            throw new IllegalStateException(e);
        }
    }

    /** A sink that keeps what it was given, batch by batch. */
    public static final class Recording implements Sink {
        public final List<Long> batches = new ArrayList<>();
        public final List<List<Row>> rows = new ArrayList<>();

        @Override
        public void addBatch(long batchId, Dataset<Row> data) {
            batches.add(batchId);
            rows.add(data.collectAsList());
        }

        @Override
        public String toString() {
            return "Recording";
        }
    }
}
