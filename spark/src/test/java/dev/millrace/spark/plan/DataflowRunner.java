package dev.millrace.spark.plan;

import dev.millrace.engine.epoch.CompletedEpoch;
import dev.millrace.engine.graph.Dataflow;
import dev.millrace.engine.graph.DataflowSettings;
import dev.millrace.engine.graph.LocalDataflow;
import dev.millrace.engine.graph.Placement;
import dev.millrace.engine.graph.StageBody;
import dev.millrace.engine.graph.StreamGraph;
import dev.millrace.engine.graph.StreamGraph.Stage;
import dev.millrace.engine.page.RowCursor;
import dev.millrace.engine.page.RowView;
import dev.millrace.engine.sink.Sink;
import dev.millrace.engine.sink.SinkWriter;
import dev.millrace.engine.state.MemoryBudget;
import dev.millrace.spark.thread.SparkTaskScopes;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import java.util.Properties;
import java.util.concurrent.TimeUnit;
import org.apache.spark.sql.classic.SparkSession;

/** Runs a planned query on the real runtime, two tasks a stage, until all of its sources were read. */
final class DataflowRunner {
    private static final int TASKS = 2;
    private static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(60);

    private DataflowRunner() {}

    static List<byte[]> run(SparkSession session, PlannedQuery planned, int rowCount) throws Exception {
        return run(session, planned, List.of(rowCount), Long.MIN_VALUE);
    }

    /**
     * Runs until a watermark has reached the sink, too.
     *
     * @param rowCounts how many rows each stream has
     */
    static List<byte[]> run(SparkSession session, PlannedQuery planned, List<Integer> rowCounts, long watermarkMicros)
            throws Exception {
        CollectingSink sink = new CollectingSink();
        DataflowSettings settings = new DataflowSettings(
                "test",
                Placement.alone(TASKS),
                Queries.KEY_GROUPS,
                0,
                new MemoryBudget(1L << 28),
                null,
                System::currentTimeMillis);
        SparkTaskScopes scopes = new SparkTaskScopes(
                session.sessionState().conf(), Thread.currentThread().getContextClassLoader(), new Properties());
        try (Dataflow dataflow = LocalDataflow.create(withSink(planned.graph(), sink), settings, scopes)) {
            dataflow.start();
            boolean arrived = false;
            long deadline = System.nanoTime() + PATIENCE_NANOS;
            while (!arrived) {
                if (System.nanoTime() - deadline > 0) {
                    throw new AssertionError("The watermark does not pass: micros="
                            + dataflow.metrics().watermarkMicros());
                }
                // What the watermark set free is in the epoch that begins behind its arrival, or in one before.
                boolean passed = dataflow.metrics().watermarkMicros() >= watermarkMicros;
                dataflow.epochs().requestBarrier();
                CompletedEpoch epoch = Objects.requireNonNull(dataflow.epochs().await(PATIENCE_NANOS), "no epoch");
                arrived = passed && isAllRead(planned, epoch, rowCounts);
            }
        }
        return sink.rows;
    }

    private static boolean isAllRead(PlannedQuery planned, CompletedEpoch epoch, List<Integer> rowCounts) {
        return planned.streamOfStage().entrySet().stream()
                .allMatch(
                        stage -> (int) Objects.requireNonNull(epoch.positions().get(stage.getKey()))
                                        .get(0)
                                == rowCounts.get(stage.getValue()));
    }

    private static StreamGraph withSink(StreamGraph graph, Sink sink) {
        StreamGraph.Builder builder = StreamGraph.builder();
        for (Stage stage : graph.stages()) {
            builder.add(
                    stage.name(),
                    stage.inputs(),
                    stage.body() instanceof StageBody.Writing ? new StageBody.Writing(sink) : stage.body());
        }
        return builder.build();
    }

    private static final class CollectingSink implements Sink {
        final List<byte[]> rows = Collections.synchronizedList(new ArrayList<>());

        @Override
        public String name() {
            return "collecting";
        }

        @Override
        public SinkWriter writer(int taskIndex, int taskCount) {
            return new SinkWriter() {
                @Override
                public void open(long epoch) {}

                @Override
                public void write(RowCursor cursor) {
                    RowView row = new RowView();
                    for (; cursor.hasRow(); cursor.advance()) {
                        rows.add(cursor.row(row).toBytes());
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
