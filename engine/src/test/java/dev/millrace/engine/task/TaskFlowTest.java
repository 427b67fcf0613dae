package dev.millrace.engine.task;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.engine.exchange.Channel;
import dev.millrace.engine.metrics.OperatorMetrics;
import dev.millrace.engine.metrics.RowCount;
import dev.millrace.engine.operator.LateRows;
import dev.millrace.engine.operator.OperatorContext;
import dev.millrace.engine.operator.WatermarkAssigner;
import dev.millrace.engine.page.Page;
import dev.millrace.engine.page.RowCursor;
import dev.millrace.engine.state.MemoryBudget;
import java.util.List;
import org.junit.jupiter.api.Test;

class TaskFlowTest {
    private static final byte[] ROW = new byte[8];

    private final Channel channel = new Channel(() -> {}, () -> {});
    private final TaskOutput output =
            new TaskOutput(List.of(new OutputEdge(Router.one(), List.of(channel), false, new RowCount())));
    private final Chain chain =
            new Chain(List.of(new WatermarkAssigner((bytes, offset, sizeBytes) -> 7, 0, Long.MAX_VALUE)), output);

    private long nanos;

    @Test
    void wantsToBeWokenForADueWatermarkButNotWhileItsOutputHoldsItUp() throws Exception {
        chain.open(List.of(new OperatorContext(
                0, 1, 1, new MemoryBudget(1), new OperatorMetrics(), () -> 0, () -> nanos, LateRows.NOWHERE, 0)));
        chain.inputPartitions(List.of("only"), null);
        TaskFlow flow = new TaskFlow(chain, output, new TaskParts.Clock(() -> nanos, () -> 0));
        flow.rows(page());
        nanos += TaskFlow.WATERMARK_INTERVAL_NANOS;
        assertThat(flow.deadlineNanos()).as("a watermark is due").isLessThanOrEqualTo(nanos);

        while (flow.isQuiet()) {
            flow.rows(page());
        }
        assertThat(flow.isBackPressured()).isTrue();
        nanos += TaskFlow.WATERMARK_INTERVAL_NANOS;
        assertThat(flow.deadlineNanos()).as("what is due waits for the output").isEqualTo(Long.MAX_VALUE);

        while (channel.poll() != null) {
            continue;
        }
        assertThat(flow.resume()).isTrue();
        assertThat(flow.deadlineNanos()).as("and then wants to be looked for").isLessThan(Long.MAX_VALUE);
    }

    private static RowCursor page() {
        Page page = new Page();
        while (page.hasRoomFor(ROW.length)) {
            page.append(ROW, 0, ROW.length, Page.NO_KEY_GROUP, 0);
        }
        RowCursor rows = new RowCursor().pointTo(page);
        rows.inputPartition(0);
        return rows;
    }
}
