package dev.millrace.spark.sink;

import dev.millrace.engine.page.RowCursor;
import dev.millrace.engine.page.RowView;
import dev.millrace.engine.sink.SinkWriter;
import org.apache.spark.TaskContext;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.UnsafeRow;
import org.apache.spark.sql.connector.write.DataWriter;
import org.apache.spark.sql.connector.write.WriterCommitMessage;
import org.apache.spark.sql.connector.write.streaming.StreamingDataWriterFactory;
import org.apache.spark.unsafe.Platform;
import org.jspecify.annotations.Nullable;

/**
 * Writes one task's rows by a data writer per epoch. A writer is opened by the epoch's first row, or
 * at its barrier when there was none: each epoch that commits has one, as in Spark, and none is left
 * open and unused when the query stops.
 *
 * <p>Thread: the writer's.
 */
final class SparkSinkWriter implements SinkWriter {
    private final PlannedWriters sink;
    private final int taskIndex;
    private final UnsafeRow row;
    private final RowView view = new RowView();
    private long epoch;
    private @Nullable StreamingDataWriterFactory factory;
    private @Nullable DataWriter<InternalRow> writer;

    SparkSinkWriter(PlannedWriters sink, int taskIndex) {
        this.sink = sink;
        this.taskIndex = taskIndex;
        this.row = new UnsafeRow(sink.fieldCount());
    }

    @Override
    public void open(long firstEpoch) {
        epoch = firstEpoch;
    }

    @Override
    public void write(RowCursor rows) {
        try {
            DataWriter<InternalRow> target = writer();
            while (rows.hasRow()) {
                rows.row(view);
                row.pointTo(view.bytes(), Platform.BYTE_ARRAY_OFFSET + view.offset(), view.sizeBytes());
                target.write(row);
                rows.advance();
            }
        } catch (Throwable t) {
            throw SinkFailure.of(sink.name(), "write", t);
        }
    }

    @Override
    public @Nullable Object prepare(long completedEpoch) {
        try {
            DataWriter<InternalRow> target = writer();
            WriterCommitMessage message = target.commit();
            writer = null;
            epoch = completedEpoch + 1;
            target.close();
            return message;
        } catch (Throwable t) {
            throw SinkFailure.of(sink.name(), "prepare epoch " + completedEpoch, t);
        }
    }

    @Override
    public void abort() throws Exception {
        if (writer != null) {
            writer.abort();
        }
    }

    @Override
    public void close() throws Exception {
        if (writer != null) {
            DataWriter<InternalRow> unfinished = writer;
            writer = null;
            unfinished.close();
        }
    }

    private DataWriter<InternalRow> writer() {
        if (writer == null) {
            StreamingDataWriterFactory made = factory;
            if (made == null || !sink.factories().areShared()) {
                made = factoryOfEpoch();
                factory = made;
            }
            TaskContext context = TaskContext.get();
            writer = made.createWriter(taskIndex, context == null ? taskIndex : context.taskAttemptId(), epoch);
        }
        return writer;
    }

    private StreamingDataWriterFactory factoryOfEpoch() {
        try {
            return sink.factories().of(epoch);
        } catch (Throwable t) {
            throw SinkFailure.of(sink.name(), "open", t);
        }
    }
}
