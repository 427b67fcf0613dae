package dev.millrace.engine.graph;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.millrace.engine.metrics.DataflowMetrics;
import dev.millrace.engine.metrics.StepClock;
import dev.millrace.engine.page.RowCursor;
import dev.millrace.engine.sink.Sink;
import dev.millrace.engine.sink.SinkWriter;
import dev.millrace.engine.state.MemoryBudget;
import dev.millrace.engine.task.TaskScope;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What a dataflow says of itself while it runs. */
@Timeout(60)
class DataflowMetricsTest {
    private static final long ROWS = 400_000;

    private final CountDownLatch opened = new CountDownLatch(1);

    @Test
    void showsWhichStageIsHeldUpAndByWhich() throws Exception {
        StreamGraph.Builder builder = StreamGraph.builder();
        int source = builder.add(
                "numbers",
                List.of(),
                new StageBody.Reading(new NumberSource(1, (int) ROWS, 1_000, () -> false), List.of()));
        int sink = builder.add(
                "shut sink",
                List.of(new StreamGraph.Input(source, new Exchange.Forward())),
                new StageBody.Writing(new ShutSink()));
        DataflowSettings settings = new DataflowSettings(
                "metrics", Placement.alone(1), 8, 0, new MemoryBudget(1 << 20), null, System::currentTimeMillis);
        try (Dataflow dataflow =
                LocalDataflow.create(builder.build(), settings, (name, index, count) -> TaskScope.PLAIN)) {
            dataflow.start();
            DataflowMetrics metrics = dataflow.metrics();
            await().until(() -> times(metrics, source).backPressuredNanos() > TimeUnit.MILLISECONDS.toNanos(200));
            StepClock.Times before = times(metrics, sink);
            await().until(() -> times(metrics, sink).atNanos() - before.atNanos() > TimeUnit.MILLISECONDS.toNanos(100));
            StepClock.Times after = times(metrics, sink);

            assertThat(after.busyNanos() - before.busyNanos())
                    .as("a sink that blocks is busy all the time")
                    .isEqualTo(after.atNanos() - before.atNanos());
            assertThat(metrics.exchanges()).singleElement().satisfies(exchange -> {
                assertThat(exchange.stageId()).isEqualTo(sink);
                assertThat(exchange.maxFill()).isEqualTo(1);
                assertThat(exchange.rows()).isPositive().isLessThan(ROWS);
            });
            assertThat(metrics.partitions()).singleElement().satisfies(partition -> assertThat(partition.queueFill())
                    .isEqualTo(1));

            opened.countDown();
            await().until(() -> metrics.rowsWritten().equals(Map.of(sink, ROWS)));
            assertThat(metrics.rowsRead()).isEqualTo(Map.of(source, ROWS));
            assertThat(metrics.exchanges().get(0).rows()).isEqualTo(ROWS);
            assertThat(metrics.exchanges().get(0).maxFill()).isZero();
        }
    }

    private static StepClock.Times times(DataflowMetrics metrics, int stage) {
        return metrics.tasks().stream()
                .filter(task -> task.stageId() == stage)
                .findFirst()
                .orElseThrow()
                .metrics()
                .clock()
                .times(System.nanoTime());
    }

    /** Takes nothing until it is opened. */
    private final class ShutSink implements Sink {
        @Override
        public String name() {
            return "shut";
        }

        @Override
        public SinkWriter writer(int taskIndex, int taskCount) {
            return new SinkWriter() {
                @Override
                public void open(long epoch) {}

                @Override
                public void write(RowCursor rows) throws InterruptedException {
                    opened.await();
                }

                @Override
                public @Nullable Object prepare(long epoch) {
                    return null;
                }

                @Override
                public void abort() {}

                @Override
                public void close() {}
            };
        }
    }
}
