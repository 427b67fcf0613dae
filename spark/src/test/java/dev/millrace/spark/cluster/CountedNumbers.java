package dev.millrace.spark.cluster;

import dev.millrace.engine.exchange.KeyGroups;
import dev.millrace.engine.graph.DataflowPlan;
import dev.millrace.engine.graph.Exchange;
import dev.millrace.engine.graph.StageBody;
import dev.millrace.engine.graph.StreamGraph;
import dev.millrace.engine.page.RowCursor;
import dev.millrace.engine.page.RowView;
import dev.millrace.engine.sink.PlannedSink;
import dev.millrace.engine.sink.SinkWriter;
import dev.millrace.engine.source.PartitionOutput;
import dev.millrace.engine.source.PlannedSource;
import dev.millrace.engine.source.ReaderFactory;
import dev.millrace.engine.source.SourceReader;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.apache.spark.sql.classic.SparkSession;
import org.jspecify.annotations.Nullable;

/**
 * Numbers without end from several partitions, dealt out by key to sinks, which count the rows of each epoch. A
 * sink that is given another task's key throws.
 */
final class CountedNumbers {
    private static final int KEY_GROUPS = 16;
    private static final long PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(1);
    private static final int ROWS_PER_READ = 50;

    private CountedNumbers() {}

    /** @param failingNumber at which a sink throws, or -1 */
    static StreamGraph graph(int partitions, long failingNumber) {
        StreamGraph.Builder builder = StreamGraph.builder();
        List<ReaderFactory> readers = Collections.nCopies(partitions, Reader::new);
        int source = builder.add(
                "numbers", List.of(), new StageBody.Reading(PlannedSource.flowing("numbers", readers), List.of()));
        Exchange byKey =
                new Exchange.Hash("key", () -> (bytes, offset, size) -> (int) (longAt(bytes, offset) % KEY_GROUPS));
        builder.add(
                "count",
                List.of(new StreamGraph.Input(source, byKey)),
                new StageBody.Writing(new Counter(failingNumber)));
        return builder.build();
    }

    static Deployment deployment(StreamGraph graph, int workers, SparkSession session) {
        return new Deployment(
                "numbers", DataflowPlan.of(graph, workers), KEY_GROUPS, 0, 1 << 20, null, TaskSurroundings.of(session));
    }

    private static long longAt(byte[] bytes, int offset) {
        return ByteBuffer.wrap(bytes).order(ByteOrder.nativeOrder()).getLong(offset);
    }

    private static final class Reader implements SourceReader {
        private final RowView row = new RowView();
        private PartitionOutput output;
        private long given;

        @Override
        public void open(List<PartitionOutput> outputs) {
            output = outputs.get(0);
            output.publish(0L);
        }

        @Override
        public boolean read() {
            LockSupport.parkNanos(PAUSE_NANOS);
            for (int i = 0; i < ROWS_PER_READ; i++) {
                byte[] bytes = ByteBuffer.allocate(8)
                        .order(ByteOrder.nativeOrder())
                        .putLong(given)
                        .array();
                row.pointTo(bytes, 0, bytes.length);
                if (!output.append(row)) {
                    output.publish(given);
                    return false;
                }
                given++;
            }
            output.publish(given);
            return true;
        }
    }

    private record Counter(long failingNumber) implements PlannedSink {
        private static final long serialVersionUID = 1L;

        @Override
        public String name() {
            return "count";
        }

        @Override
        public SinkWriter writer(int taskIndex, int taskCount) {
            return new Writer(taskIndex, taskCount, failingNumber);
        }
    }

    private static final class Writer implements SinkWriter {
        private final int taskIndex;
        private final int taskCount;
        private final long failingNumber;
        private final RowView row = new RowView();
        private long rows;

        Writer(int taskIndex, int taskCount, long failingNumber) {
            this.taskIndex = taskIndex;
            this.taskCount = taskCount;
            this.failingNumber = failingNumber;
        }

        @Override
        public void open(long epoch) {}

        @Override
        public void write(RowCursor cursor) {
            for (; cursor.hasRow(); cursor.advance()) {
                RowView at = cursor.row(row);
                long number = longAt(at.bytes(), at.offset());
                if (KeyGroups.owner((int) (number % KEY_GROUPS), KEY_GROUPS, taskCount) != taskIndex
                        || number == failingNumber) {
                    throw new IllegalStateException("number=%d at task=%d".formatted(number, taskIndex));
                }
                rows++;
            }
        }

        @Override
        public @Nullable Object prepare(long epoch) {
            long message = rows;
            rows = 0;
            return message;
        }
    }
}
