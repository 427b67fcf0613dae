package dev.millrace.engine.operator;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.millrace.engine.harness.Event;
import dev.millrace.engine.harness.KeyedRows;
import dev.millrace.engine.harness.OperatorHarness;
import dev.millrace.engine.harness.RecordingOutput;
import dev.millrace.engine.metrics.OperatorMetrics;
import dev.millrace.engine.page.Page;
import dev.millrace.engine.page.RowCursor;
import dev.millrace.engine.state.MemoryBudget;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

class EpochSortTest {
    private static final RowOrder BY_VALUE =
            (left, right) -> Long.compare(KeyedRows.value(left), KeyedRows.value(right));

    @Test
    void givesEachEpochsRowsInOrderAtItsBarrierAndNothingBefore() throws Exception {
        List<Event> events = new ArrayList<>(shuffled(0, 700));
        events.add(Event.barrier(1));
        events.addAll(shuffled(200, 300));
        events.add(Event.barrier(2));
        events.addAll(shuffled(0, 100));

        List<Long> expected = new ArrayList<>(range(0, 700));
        expected.addAll(range(200, 300));
        assertThat(values(events, EpochSort.ALL)).isEqualTo(expected);
    }

    @Test
    void givesTheFirstOfEachEpochWhereThereIsALimit() throws Exception {
        List<Event> events = new ArrayList<>(shuffled(0, 10_000));
        events.add(Event.barrier(1));
        events.addAll(shuffled(40, 45));
        events.add(Event.barrier(2));

        List<Long> expected = new ArrayList<>(range(0, 7));
        expected.addAll(range(40, 45));
        assertThat(values(events, 7)).isEqualTo(expected);
        assertThat(values(events, 0)).isEmpty();
    }

    @Test
    void goesOnWhereAFullOutputStoppedIt() throws Exception {
        List<Event> events = new ArrayList<>(shuffled(0, 300));
        events.add(Event.barrier(1));
        // Every restart ends an epoch, which gives what came since the last one.
        List<Long> given = new OperatorHarness(() -> new EpochSort(() -> BY_VALUE, EpochSort.ALL), 1, (b, o, s) -> 0)
                .runAdversely(events, 3).rows().stream()
                        .map(row -> KeyedRows.value(row, 0))
                        .toList();
        assertThat(given).containsExactlyInAnyOrderElementsOf(range(0, 300));
    }

    @Test
    void failsWhereTheRowsOfAnEpochOutgrowTheBudgetAndGivesItBack() throws Exception {
        MemoryBudget budget = new MemoryBudget(500);
        EpochSort sort = new EpochSort(() -> BY_VALUE, EpochSort.ALL);
        sort.open(new OperatorContext(0, 1, 1, budget, new OperatorMetrics(), () -> 0, 0));
        Page page = new Page();
        for (long value = 0; value < 20; value++) {
            page.append(KeyedRows.longs(value), 0, Long.BYTES, 0, 0);
        }
        assertThatThrownBy(() -> sort.process(new RowCursor().pointTo(page), new RecordingOutput(false)))
                .hasMessageContaining("MILLRACE_STATE_MEMORY");
        sort.close();
        assertThat(budget.usedBytes()).isZero();
    }

    private static List<Long> values(List<Event> events, int limit) throws Exception {
        return new OperatorHarness(() -> new EpochSort(() -> BY_VALUE, limit), 1, (b, o, s) -> 0)
                .run(events).rows().stream().map(row -> KeyedRows.value(row, 0)).toList();
    }

    private static List<Event> shuffled(long from, long to) {
        List<Event> rows = new ArrayList<>();
        for (long value : range(from, to)) {
            rows.add(Event.row(KeyedRows.longs(value)));
        }
        Collections.shuffle(rows, new Random(to));
        return rows;
    }

    private static List<Long> range(long from, long to) {
        return LongStream.range(from, to).boxed().toList();
    }
}
