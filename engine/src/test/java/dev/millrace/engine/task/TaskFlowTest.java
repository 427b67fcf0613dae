package dev.millrace.engine.task;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.engine.exchange.Channel;
import dev.millrace.engine.harness.CountSumMax;
import dev.millrace.engine.metrics.OperatorMetrics;
import dev.millrace.engine.metrics.RowCount;
import dev.millrace.engine.operator.LateRows;
import dev.millrace.engine.operator.OperatorContext;
import dev.millrace.engine.operator.PartialAggregate;
import dev.millrace.engine.operator.WatermarkAssigner;
import dev.millrace.engine.page.Page;
import dev.millrace.engine.page.RowCursor;
import dev.millrace.engine.state.MemoryBudget;
import dev.millrace.engine.stream.Item;
import java.util.List;
import java.util.Objects;
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
        chain.open(List.of(context()));
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

    @Test
    void givesWhatAnOperatorHoldsOnceTheInputIsDryAndUnderABacklogBeforeLong() throws Exception {
        TaskFlow flow = holding();
        flow.rows(page());
        assertThat(channel.poll()).as("held while there may be more").isNull();
        assertThat(flow.dry()).isTrue();
        assertThat(((Item.Rows) Objects.requireNonNull(channel.poll())).page().rowCount())
                .isEqualTo(1);
        assertThat(flow.dry()).as("there is no more").isFalse();

        int pages = 0;
        Item item = null;
        while (item == null && pages < 1_000) {
            flow.rows(page());
            pages++;
            item = channel.poll();
        }
        assertThat(item).isInstanceOf(Item.Rows.class);
        assertThat(pages).isGreaterThan(1);
    }

    @Test
    void givesWhatAnOperatorHoldsBeforeItSaysThatNoneCome() throws Exception {
        TaskFlow flow = holding();
        flow.rows(page());
        flow.mark(Item.Idle.INSTANCE);
        assertThat(channel.poll()).isInstanceOf(Item.Rows.class);
        assertThat(channel.poll()).isInstanceOf(Item.Idle.class);
    }

    @Test
    void rowsThatWereHeldAreAsOldAsTheOldestOfThem() throws Exception {
        TaskFlow flow = holding();
        nanos = 1_000;
        flow.rows(page());
        nanos = 2_000;
        flow.rows(page());
        assertThat(flow.dry()).isTrue();
        assertThat(((Item.Rows) Objects.requireNonNull(channel.poll())).page().oldestReadNanos())
                .isEqualTo(1_000);
    }

    /** Over an aggregation's first half, in which all rows have one key. */
    private TaskFlow holding() throws Exception {
        Chain holding = new Chain(List.of(new PartialAggregate(() -> new CountSumMax(true))), output);
        holding.open(List.of(context()));
        return new TaskFlow(holding, output, new TaskParts.Clock(() -> nanos, () -> 0));
    }

    private OperatorContext context() {
        return new OperatorContext(
                0, 1, 1, new MemoryBudget(1), new OperatorMetrics(), () -> 0, () -> nanos, LateRows.NOWHERE, 0);
    }

    private RowCursor page() {
        Page page = new Page();
        while (page.hasRoomFor(ROW.length)) {
            page.append(ROW, 0, ROW.length, Page.NO_KEY_GROUP, nanos);
        }
        RowCursor rows = new RowCursor().pointTo(page);
        rows.inputPartition(0);
        return rows;
    }
}
