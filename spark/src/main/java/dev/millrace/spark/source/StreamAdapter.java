package dev.millrace.spark.source;

import java.io.Serializable;
import java.util.Optional;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.connector.read.InputPartition;
import org.apache.spark.sql.connector.read.PartitionReader;
import org.apache.spark.sql.connector.read.PartitionReaderFactory;
import org.apache.spark.sql.connector.read.streaming.ContinuousPartitionReader;
import org.apache.spark.sql.connector.read.streaming.ContinuousStream;
import org.apache.spark.sql.connector.read.streaming.MicroBatchStream;
import org.apache.spark.sql.connector.read.streaming.Offset;
import org.apache.spark.sql.connector.read.streaming.PartitionOffset;
import org.apache.spark.sql.connector.read.streaming.ReadLimit;
import org.apache.spark.sql.connector.read.streaming.SparkDataStream;
import org.apache.spark.sql.connector.read.streaming.SupportsAdmissionControl;
import org.apache.spark.sql.connector.read.streaming.SupportsRealTimeMode;
import org.apache.spark.sql.connector.read.streaming.SupportsRealTimeRead;
import org.apache.spark.sql.execution.datasources.v2.LowLatencyClock;

/**
 * What Spark's two kinds of stream that read without an end have in common.
 *
 * <p>Thread: the query's, except for {@link Cursor}.
 */
sealed interface StreamAdapter {
    SparkDataStream stream();

    InputPartition[] planInputPartitions(Offset start);

    /** What opens the partitions where they are read. */
    CursorFactory cursors();

    /** One offset of the stream out of one of every partition. */
    Offset merge(PartitionOffset[] positions);

    /** The offset behind everything that the stream has now, where the stream can tell. */
    Optional<Offset> latest(Offset committed);

    /** Whether the stream says that its partitions changed. */
    boolean needsReconfiguration();

    /** Opens one partition. Thread: the reader's. */
    interface CursorFactory extends Serializable {
        Cursor open(InputPartition partition);
    }

    /** Walks the rows of one partition. Thread: the reader's. */
    interface Cursor extends AutoCloseable {
        /**
         * Moves to the next row; false when there is none for now.
         *
         * @param mayWait whether to wait for a row, for a while, or else give only what is there
         */
        boolean advance(boolean mayWait) throws Exception;

        InternalRow row();

        PartitionOffset position();

        @Override
        void close() throws Exception;
    }

    /** A stream that offers Spark's real-time mode, such as Kafka's. */
    record RealTime(MicroBatchStream stream) implements StreamAdapter {
        /** How long a reader waits for a row before it looks up again; only an interrupt ends it earlier. */
        private static final long WAIT_MILLIS = 100;

        private SupportsRealTimeMode realTime() {
            return (SupportsRealTimeMode) stream;
        }

        @Override
        public InputPartition[] planInputPartitions(Offset start) {
            return realTime().planInputPartitions(start);
        }

        @Override
        public CursorFactory cursors() {
            return new RealTimeCursors(stream.createReaderFactory());
        }

        private record RealTimeCursors(PartitionReaderFactory factory) implements CursorFactory {
            @Override
            @SuppressWarnings("unchecked")
            public Cursor open(InputPartition partition) {
                return new RealTimeCursor((SupportsRealTimeRead<InternalRow>) factory.createReader(partition));
            }
        }

        @Override
        public Offset merge(PartitionOffset[] positions) {
            return realTime().mergeOffsets(positions);
        }

        @Override
        public Optional<Offset> latest(Offset committed) {
            return Optional.ofNullable(
                    stream instanceof SupportsAdmissionControl controlled
                            ? controlled.latestOffset(committed, ReadLimit.allAvailable())
                            : stream.latestOffset());
        }

        @Override
        public boolean needsReconfiguration() {
            return false;
        }

        private record RealTimeCursor(SupportsRealTimeRead<InternalRow> reader) implements Cursor {
            @Override
            public boolean advance(boolean mayWait) throws Exception {
                return reader.nextWithTimeout(LowLatencyClock.getTimeMillis(), mayWait ? WAIT_MILLIS : 0)
                        .hasRecord();
            }

            @Override
            public InternalRow row() {
                return reader.get();
            }

            @Override
            public PartitionOffset position() {
                return reader.getOffset();
            }

            @Override
            public void close() throws Exception {
                reader.close();
            }
        }
    }

    /** A stream made for Spark's continuous processing, such as {@code rate} and {@code socket}. */
    record Continuous(ContinuousStream stream) implements StreamAdapter {
        @Override
        public InputPartition[] planInputPartitions(Offset start) {
            return stream.planInputPartitions(start);
        }

        @Override
        public CursorFactory cursors() {
            return new ContinuousCursors(stream.createContinuousReaderFactory());
        }

        private record ContinuousCursors(PartitionReaderFactory factory) implements CursorFactory {
            @Override
            public Cursor open(InputPartition partition) {
                PartitionReader<InternalRow> reader = factory.createReader(partition);
                return new ContinuousCursor((ContinuousPartitionReader<InternalRow>) reader);
            }
        }

        @Override
        public Offset merge(PartitionOffset[] positions) {
            return stream.mergeOffsets(positions);
        }

        @Override
        public Optional<Offset> latest(Offset committed) {
            return Optional.empty();
        }

        @Override
        public boolean needsReconfiguration() {
            return stream.needsReconfiguration();
        }

        private record ContinuousCursor(ContinuousPartitionReader<InternalRow> reader) implements Cursor {
            @Override
            public boolean advance(boolean mayWait) throws Exception {
                // Always waits, so every row is a batch of its own.
                return mayWait && reader.next();
            }

            @Override
            public InternalRow row() {
                return reader.get();
            }

            @Override
            public PartitionOffset position() {
                return reader.getOffset();
            }

            @Override
            public void close() throws Exception {
                reader.close();
            }
        }
    }
}
