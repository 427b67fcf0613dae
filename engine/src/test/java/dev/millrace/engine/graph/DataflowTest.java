package dev.millrace.engine.graph;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.millrace.engine.epoch.CompletedEpoch;
import dev.millrace.engine.epoch.DataflowFailedException;
import dev.millrace.engine.operator.PulledFragment;
import dev.millrace.engine.page.RowCursor;
import dev.millrace.engine.page.RowView;
import dev.millrace.engine.sink.Sink;
import dev.millrace.engine.sink.SinkWriter;
import dev.millrace.engine.source.PartitionOutput;
import dev.millrace.engine.source.Source;
import dev.millrace.engine.source.SourceReader;
import dev.millrace.engine.state.MemoryBudget;
import dev.millrace.engine.task.TaskScope;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.awaitility.Awaitility;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Dataflows on real threads. */
@Timeout(60)
class DataflowTest {
    private static final long LONG_WAIT_NANOS = TimeUnit.SECONDS.toNanos(30);

    private static DataflowSettings settings(int tasks) {
        return new DataflowSettings(
                "test", Placement.alone(tasks), 8, 0, new MemoryBudget(1 << 20), null, System::currentTimeMillis);
    }

    private static Dataflow start(StreamGraph graph, int tasks) {
        Dataflow dataflow = LocalDataflow.create(graph, settings(tasks), (name, index, count) -> TaskScope.PLAIN);
        dataflow.start();
        return dataflow;
    }

    private static StreamGraph.Input forward(int stage) {
        return new StreamGraph.Input(stage, new Exchange.Forward());
    }

    private static Exchange byKey() {
        return new Exchange.Hash("key", () -> (bytes, offset, size) -> (int) (NumberSource.longAt(bytes, offset) % 8));
    }

    @Test
    void bringsAllRowsThroughAHashExchangeAndEndsEpochsWhileRowsFlow() throws Exception {
        CollectingSink sink = new CollectingSink();
        StreamGraph.Builder builder = StreamGraph.builder();
        int source = builder.add(
                "numbers", List.of(), new StageBody.Reading(new NumberSource(3, 20_000, 10, () -> false), List.of()));
        builder.add("sink", List.of(new StreamGraph.Input(source, byKey())), new StageBody.Writing(sink));
        long written = 0;
        long lastEpoch = -1;
        try (Dataflow dataflow = start(builder.build(), 2)) {
            while (written < 60_000) {
                dataflow.epochs().requestBarrier();
                CompletedEpoch epoch = dataflow.epochs().await(LONG_WAIT_NANOS);
                assertThat(epoch).isNotNull();
                assertThat(epoch.epoch()).isEqualTo(++lastEpoch);
                written += epoch.rowsWritten().values().iterator().next();
            }
        }
        assertThat(sink.all).hasSize(60_000);
        assertThat(sink.events).containsExactlyInAnyOrder("open 0", "open 1", "close 0", "close 1");
    }

    @Test
    void endsAnEpochWhileAReaderWaitsForItsNextRow() throws Exception {
        CountDownLatch never = new CountDownLatch(1);
        Source source = singleReader(new WaitingReader(never));
        StreamGraph.Builder builder = StreamGraph.builder();
        int reading = builder.add("waiting", List.of(), new StageBody.Reading(source, List.of()));
        CollectingSink sink = new CollectingSink();
        builder.add("sink", List.of(forward(reading)), new StageBody.Writing(sink));
        try (Dataflow dataflow = start(builder.build(), 2)) {
            Awaitility.await().until(() -> sink.all.size() == 1);
            dataflow.epochs().requestBarrier();
            CompletedEpoch epoch = dataflow.epochs().await(LONG_WAIT_NANOS);
            assertThat(epoch).isNotNull();
            assertThat(epoch.positions()).isEqualTo(Map.of(reading, List.of("behind row 1")));
        }
    }

    @Test
    void pullsAFragmentOnceAnEpochAndHoldsNoRowBack() throws Exception {
        CollectingSink sink = new CollectingSink();
        StreamGraph.Builder builder = StreamGraph.builder();
        int source = builder.add(
                "numbers", List.of(), new StageBody.Reading(new NumberSource(1, 5_000, 10, () -> false), List.of()));
        int pulled = builder.add("identity", List.of(forward(source)), new StageBody.Pulling(identity()));
        builder.add("sink", List.of(forward(pulled)), new StageBody.Writing(sink));
        try (Dataflow dataflow = start(builder.build(), 2)) {
            Awaitility.await().until(() -> sink.all.size() == 5_000);
            for (long epoch = 0; epoch < 3; epoch++) {
                dataflow.epochs().requestBarrier();
                CompletedEpoch completed = dataflow.epochs().await(LONG_WAIT_NANOS);
                assertThat(completed).isNotNull();
                assertThat(completed.epoch()).isEqualTo(epoch);
            }
        }
        assertThat(sink.all).hasSize(5_000);
    }

    @Test
    void namesTheStageThatFailed() throws Exception {
        Sink failing = new Sink() {
            @Override
            public String name() {
                return "failing";
            }

            @Override
            public SinkWriter writer(int taskIndex, int taskCount) {
                return new FailingWriter();
            }
        };
        StreamGraph.Builder builder = StreamGraph.builder();
        int source = builder.add(
                "numbers", List.of(), new StageBody.Reading(new NumberSource(1, 10, 10, () -> false), List.of()));
        builder.add("broken sink", List.of(forward(source)), new StageBody.Writing(failing));
        try (Dataflow dataflow = start(builder.build(), 1)) {
            assertThatThrownBy(() -> dataflow.epochs().await(LONG_WAIT_NANOS))
                    .isInstanceOf(DataflowFailedException.class)
                    .hasMessageContaining("broken sink")
                    .hasRootCauseMessage("disk full");
        }
    }

    @Test
    void leavesNoThreadBehind() throws Exception {
        StreamGraph.Builder builder = StreamGraph.builder();
        int source = builder.add(
                "waiting",
                List.of(),
                new StageBody.Reading(singleReader(new WaitingReader(new CountDownLatch(1))), List.of()));
        builder.add("sink", List.of(forward(source)), new StageBody.Writing(new CollectingSink()));
        Dataflow dataflow = start(builder.build(), 2);
        assertThat(dataflow.stop()).isEmpty();
        assertThat(Thread.getAllStackTraces().keySet())
                .noneMatch(thread -> thread.getName().startsWith("millrace-"));
    }

    private static Source singleReader(SourceReader reader) {
        return new Source() {
            @Override
            public String name() {
                return "single";
            }

            @Override
            public List<SourceReader> readers() {
                return List.of(reader);
            }
        };
    }

    private static PulledFragment.Factory identity() {
        return new PulledFragment.Factory() {
            @Override
            public PulledFragment create(int taskIndex, int taskCount) {
                return input -> input;
            }

            @Override
            public String name() {
                return "identity";
            }
        };
    }

    /** Gives one row and then waits for good. */
    private static final class WaitingReader implements SourceReader {
        private final CountDownLatch latch;
        private List<PartitionOutput> outputs = List.of();
        private int given;

        WaitingReader(CountDownLatch latch) {
            this.latch = latch;
        }

        @Override
        public void open(List<PartitionOutput> opened) {
            outputs = opened;
            outputs.get(0).publish("behind row 0");
        }

        @Override
        public boolean read() throws InterruptedException {
            if (given == 1) {
                latch.await();
            }
            given++;
            boolean taken = outputs.get(0).append(new RowView().pointTo(NumberSource.row(1, 1), 0, 16));
            outputs.get(0).publish("behind row " + given);
            return taken;
        }
    }

    private static final class FailingWriter implements SinkWriter {
        @Override
        public void open(long epoch) {}

        @Override
        public void write(RowCursor rows) throws Exception {
            throw new java.io.IOException("disk full");
        }

        @Override
        public @Nullable Object prepare(long epoch) {
            return null;
        }
    }
}
