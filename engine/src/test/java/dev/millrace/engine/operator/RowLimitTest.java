package dev.millrace.engine.operator;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.engine.harness.Event;
import dev.millrace.engine.harness.KeyedRows;
import dev.millrace.engine.harness.OperatorHarness;
import dev.millrace.engine.harness.OperatorHarness.Outcome;
import dev.millrace.engine.harness.Seeds;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class RowLimitTest {
    @Test
    void letsTheFirstRowsThroughAndThenNothingMoreAlsoOverRestarts() {
        List<Event> events = rows(0, 500);
        for (int limit : List.of(0, 1, 77, 499, 500, 1_000)) {
            OperatorHarness harness = harness(limit, false);
            Seeds.forEach(10, seed -> {
                for (Outcome outcome : List.of(harness.run(events), harness.runAdversely(events, seed))) {
                    assertThat(values(outcome)).isEqualTo(range(0, Math.min(limit, 500)));
                }
            });
        }
    }

    @Test
    void countsEachEpochAnewWhereEveryOneBringsATable() throws Exception {
        List<Event> events = new ArrayList<>(rows(0, 100));
        events.add(Event.barrier(1));
        events.addAll(rows(100, 103));
        events.add(Event.barrier(2));
        events.addAll(rows(103, 200));

        List<Long> expected = new ArrayList<>(range(0, 10));
        expected.addAll(range(100, 113));
        assertThat(values(harness(10, true).run(events))).isEqualTo(expected);
        assertThat(values(harness(10, true).runRowByRow(events))).isEqualTo(expected);
    }

    private static OperatorHarness harness(long limit, boolean ofEachEpoch) {
        return new OperatorHarness(() -> new RowLimit(limit, ofEachEpoch), 3, (bytes, offset, sizeBytes) -> 0);
    }

    private static List<Event> rows(long from, long to) {
        List<Event> rows = new ArrayList<>();
        for (long value : range(from, to)) {
            rows.add(Event.row(KeyedRows.longs(value)));
        }
        return rows;
    }

    private static List<Long> range(long from, long to) {
        return java.util.stream.LongStream.range(from, to).boxed().toList();
    }

    private static List<Long> values(Outcome outcome) {
        return outcome.rows().stream().map(row -> KeyedRows.value(row, 0)).toList();
    }
}
