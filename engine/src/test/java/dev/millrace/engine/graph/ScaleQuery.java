package dev.millrace.engine.graph;

import dev.millrace.engine.harness.CountSumMax;
import dev.millrace.engine.harness.KeyedRows;
import dev.millrace.engine.operator.Emission;
import dev.millrace.engine.operator.KeyedAggregateFactory;
import dev.millrace.engine.page.RowCursor;
import dev.millrace.engine.page.RowView;
import dev.millrace.engine.sink.PlannedSink;
import dev.millrace.engine.sink.SinkWriter;
import dev.millrace.engine.snapshot.OperatorId;
import dev.millrace.engine.snapshot.StatefulOperator;
import dev.millrace.engine.source.PartitionOutput;
import dev.millrace.engine.source.PlannedSource;
import dev.millrace.engine.source.ReaderFactory;
import dev.millrace.engine.source.SourceReader;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * An aggregation that many workers run: a partition of each worker gives a share of one row for each key group in
 * every epoch, so that each epoch changes the state of all key groups.
 *
 * <p>Thread: one.
 */
final class ScaleQuery {
    private static final OperatorId AGGREGATE = new OperatorId(1, 0);

    private final int workers;
    private final int keyGroups;

    /** Epochs whose rows are there to be read. */
    private int epochsThere;

    private long rowsWritten;

    ScaleQuery(int workers, int keyGroups) {
        this.workers = workers;
        this.keyGroups = keyGroups;
    }

    StreamGraph graph() {
        StreamGraph.Builder builder = StreamGraph.builder();
        List<ReaderFactory> readers = new ArrayList<>();
        for (int worker = 0; worker < workers; worker++) {
            readers.add(new Readers(this, worker));
        }
        int read = builder.add(
                "source", List.of(), new StageBody.Reading(PlannedSource.flowing("rows", readers), List.of()));
        Exchange byGroup = new Exchange.Hash(
                "key",
                () -> (bytes, offset, sizeBytes) -> ByteBuffer.wrap(bytes).getInt(offset + 2 * Long.BYTES));
        int counted = builder.add(
                "work",
                List.of(new StreamGraph.Input(read, byGroup)),
                new StageBody.Operating(
                        List.of(new KeyedAggregateFactory(() -> new CountSumMax(false), "work", Emission.PER_PAGE))));
        builder.add(
                "sink",
                List.of(new StreamGraph.Input(counted, new Exchange.Forward())),
                new StageBody.Writing(new Sink(this)));
        return builder.build();
    }

    Map<OperatorId, StatefulOperator> operators() {
        return Map.of(AGGREGATE, new StatefulOperator("work"));
    }

    void giveEpoch() {
        epochsThere++;
    }

    long rowsWritten() {
        return rowsWritten;
    }

    private record Readers(ScaleQuery query, int worker) implements ReaderFactory {
        @Override
        public SourceReader create() {
            return query.new Reader(worker);
        }
    }

    private final class Reader implements SourceReader {
        private final int worker;
        private final int rowsOfEpoch;
        private final RowView row = new RowView();
        private List<PartitionOutput> outputs = List.of();
        private long given;

        Reader(int worker) {
            this.worker = worker;
            this.rowsOfEpoch = (keyGroups - worker + workers - 1) / workers;
        }

        @Override
        public void open(List<PartitionOutput> opened) {
            outputs = opened;
            outputs.get(0).publish(0L);
        }

        /** False: it is called again once there is room, or more rows are there. */
        @Override
        public boolean read() {
            long there = (long) epochsThere * rowsOfEpoch;
            while (given < there && append(worker + (int) (given % rowsOfEpoch) * workers)) {
                given++;
            }
            outputs.get(0).publish(given);
            return false;
        }

        private boolean append(int group) {
            byte[] name = ByteBuffer.allocate(Integer.BYTES).putInt(group).array();
            byte[] bytes = KeyedRows.row(given, Long.MAX_VALUE, name);
            row.pointTo(bytes, 0, bytes.length);
            if (outputs.get(0).append(row)) {
                return true;
            }
            outputs.get(0).publish(given);
            return outputs.get(0).append(row);
        }
    }

    private record Sink(ScaleQuery query) implements PlannedSink {
        @Override
        public String name() {
            return "counting";
        }

        @Override
        public SinkWriter writer(int taskIndex, int taskCount) {
            return new SinkWriter() {
                @Override
                public void open(long epoch) {}

                @Override
                public void write(RowCursor rows) {
                    for (; rows.hasRow(); rows.advance()) {
                        query.rowsWritten++;
                    }
                }

                @Override
                public Object prepare(long epoch) {
                    return epoch;
                }
            };
        }
    }
}
