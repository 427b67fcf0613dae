package dev.millrace.spark.source;

import dev.millrace.spark.scala.Scala;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.connector.read.InputPartition;
import org.apache.spark.sql.connector.read.PartitionReader;
import org.apache.spark.sql.connector.read.PartitionReaderFactory;
import org.apache.spark.sql.connector.read.streaming.MicroBatchStream;
import org.apache.spark.sql.connector.read.streaming.Offset;
import org.apache.spark.sql.connector.read.streaming.ReadLimit;
import org.apache.spark.sql.connector.read.streaming.SparkDataStream;
import org.apache.spark.sql.connector.read.streaming.SupportsAdmissionControl;
import org.apache.spark.sql.execution.streaming.Source;
import org.apache.spark.sql.execution.streaming.runtime.SerializedOffset;
import org.apache.spark.sql.execution.streaming.runtime.StreamingExecutionRelation;
import org.apache.spark.sql.vectorized.ColumnarBatch;
import org.jspecify.annotations.Nullable;
import scala.Option;

/**
 * What Spark's two kinds of stream that are read batch by batch have in common. Asked as Spark's
 * MicroBatchExecution asks them.
 *
 * <p>Thread: one at a time, in no task.
 */
sealed interface PortionedStream {
    SparkDataStream stream();

    /** Where a stream starts of which nothing was ever logged; empty where it has no such offset. */
    Optional<Offset> firstOffset();

    /** The offset that a log entry holds. */
    Offset deserialize(String loggedJson);

    /** How far the next portion may go at most: not behind {@code start}, and empty where there never was data. */
    Optional<Offset> latestOffset(Optional<Offset> start, ReadLimit limit);

    /** What lies between two offsets, for so many slots to read. */
    List<Split> plan(SparkSession session, Optional<Offset> start, Offset end, int slotCount);

    /** What of Millrace's own reads it; empty where its connector does. */
    default Optional<PortionReads> own() {
        return Optional.empty();
    }

    /** Tells the stream that it may forget what lies before {@code end}. */
    void commit(Offset end);

    private static @Nullable Offset orNull(Optional<Offset> offset) {
        return offset.orElse(null);
    }

    private static Optional<Offset> admitted(
            SupportsAdmissionControl controlled, Optional<Offset> start, ReadLimit limit) {
        return Optional.ofNullable(controlled.latestOffset(orNull(start), limit));
    }

    /** A stream of Spark's second interface. */
    record MicroBatch(MicroBatchStream stream, Optional<PortionReads> own) implements PortionedStream {
        @Override
        public Optional<Offset> firstOffset() {
            return Optional.of(stream.initialOffset());
        }

        @Override
        public Offset deserialize(String loggedJson) {
            return stream.deserializeOffset(loggedJson);
        }

        @Override
        public Optional<Offset> latestOffset(Optional<Offset> start, ReadLimit limit) {
            return stream instanceof SupportsAdmissionControl controlled
                    ? admitted(controlled, start, limit)
                    : Optional.ofNullable(stream.latestOffset());
        }

        @Override
        public List<Split> plan(SparkSession session, Optional<Offset> start, Offset end, int slotCount) {
            InputPartition[] partitions = stream.planInputPartitions(start.orElseThrow(), end);
            if (own.isPresent()) {
                return own.get().splits(partitions, slotCount);
            }
            List<Split> splits = new ArrayList<>();
            PartitionReaderFactory factory = stream.createReaderFactory();
            for (InputPartition partition : partitions) {
                splits.add(new PartitionSplit(factory, partition));
            }
            return splits;
        }

        @Override
        public void commit(Offset end) {
            stream.commit(end);
        }
    }

    /** A stream of Spark's first interface, which gives each batch as a DataFrame. */
    record V1(StreamingExecutionRelation relation) implements PortionedStream {
        @Override
        public SparkDataStream stream() {
            return relation.source();
        }

        private Source source() {
            return (Source) relation.source();
        }

        @Override
        public Optional<Offset> firstOffset() {
            return Optional.empty();
        }

        @Override
        public Offset deserialize(String loggedJson) {
            return new SerializedOffset(loggedJson);
        }

        @Override
        public Optional<Offset> latestOffset(Optional<Offset> start, ReadLimit limit) {
            if (stream() instanceof SupportsAdmissionControl controlled) {
                return admitted(controlled, start, limit);
            }
            return Scala.<Offset>optional(Scala.cast(source().getOffset()));
        }

        @Override
        public List<Split> plan(SparkSession session, Optional<Offset> start, Offset end, int slotCount) {
            Option<org.apache.spark.sql.execution.streaming.Offset> from =
                    Scala.option(start.map(V1::asFirstKind).orElse(null));
            return BatchPlan.splits(session, relation, Scala.cast(source().getBatch(from, asFirstKind(end))));
        }

        private static org.apache.spark.sql.execution.streaming.Offset asFirstKind(Offset offset) {
            return offset instanceof org.apache.spark.sql.execution.streaming.Offset already
                    ? already
                    : new SerializedOffset(offset.json());
        }

        @Override
        public void commit(Offset end) {
            source().commit(asFirstKind(end));
        }

        /** The columns that a row has. */
        List<Attribute> output() {
            return Scala.list(relation.output());
        }
    }

    /** One partition of a batch, row by row also where its reader gives columns. */
    record PartitionSplit(PartitionReaderFactory factory, InputPartition partition) implements RowSplit {
        @Override
        public Rows open() {
            return factory.supportColumnarReads(partition)
                    ? new ColumnarRows(factory.createColumnarReader(partition))
                    : new ReaderRows(factory.createReader(partition));
        }
    }

    /** The rows of a reader that gives rows. */
    record ReaderRows(PartitionReader<InternalRow> reader) implements RowSplit.Rows {
        @Override
        public boolean next() throws Exception {
            return reader.next();
        }

        @Override
        public InternalRow row() {
            return reader.get();
        }

        @Override
        public void close() throws Exception {
            reader.close();
        }
    }

    /** The rows of a reader that gives batches of columns. */
    final class ColumnarRows implements RowSplit.Rows {
        private final PartitionReader<ColumnarBatch> reader;
        private java.util.Iterator<InternalRow> rows = java.util.Collections.emptyIterator();
        private @Nullable InternalRow row;

        ColumnarRows(PartitionReader<ColumnarBatch> reader) {
            this.reader = reader;
        }

        @Override
        public boolean next() throws Exception {
            while (!rows.hasNext()) {
                if (!reader.next()) {
                    return false;
                }
                rows = reader.get().rowIterator();
            }
            row = rows.next();
            return true;
        }

        @Override
        public InternalRow row() {
            return java.util.Objects.requireNonNull(row);
        }

        @Override
        public void close() throws Exception {
            reader.close();
        }
    }
}
