package dev.millrace.engine.operator;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.engine.harness.CollectValues;
import dev.millrace.engine.harness.CountSumMax;
import dev.millrace.engine.harness.Event;
import dev.millrace.engine.harness.KeyedRows;
import dev.millrace.engine.harness.OperatorHarness;
import dev.millrace.engine.harness.OperatorHarness.Outcome;
import dev.millrace.engine.harness.Seeds;
import dev.millrace.engine.page.RowView;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;

/** Observe against a plain count: every row passes as it came, and is in one epoch's observation. */
class ObservePropertyTest {
    private static final int SEEDS = 30;

    @Test
    void observesEveryRowInItsEpochAndChangesNone() {
        Seeds.forEach(SEEDS, seed -> {
            for (Supplier<Aggregate> aggregates :
                    List.<Supplier<Aggregate>>of(() -> new CountSumMax(true), CollectValues::new)) {
                List<Event> events = events(seed);
                OperatorHarness harness =
                        new OperatorHarness(() -> new Observe(aggregates), 1, (bytes, offset, sizeBytes) -> 0);
                Outcome outcome = harness.run(events);
                assertThat(texts(outcome.rows())).isEqualTo(texts(rows(events)));
                assertThat(outcome.observations().stream()
                                .map(bytes -> text(aggregates.get(), List.of(bytes)))
                                .toList())
                        .isEqualTo(epochs(events).stream()
                                .map(rows -> expected(aggregates.get(), rows))
                                .toList());

                Outcome adverse = harness.runAdversely(events, seed);
                assertThat(texts(adverse.rows())).isEqualTo(texts(rows(events)));
                assertThat(text(aggregates.get(), adverse.observations()))
                        .isEqualTo(expected(aggregates.get(), rows(events)));
            }
        });
    }

    private static List<Event> events(long seed) {
        Random random = new Random(seed);
        List<Event> events = new ArrayList<>();
        long epoch = 1;
        for (int i = 0; i < 600; i++) {
            if (random.nextInt(100) == 0) {
                events.add(Event.barrier(epoch++));
            }
            events.add(Event.row(KeyedRows.row(random.nextInt(1000), 0, new byte[] {(byte) i})));
        }
        events.add(Event.barrier(epoch));
        return events;
    }

    private static List<byte[]> rows(List<Event> events) {
        return epochs(events).stream().flatMap(List::stream).toList();
    }

    private static List<List<byte[]>> epochs(List<Event> events) {
        List<List<byte[]>> epochs = new ArrayList<>();
        List<byte[]> rows = new ArrayList<>();
        for (Event event : events) {
            if (event instanceof Event.Row row) {
                rows.add(row.view().toBytes());
            } else {
                epochs.add(rows);
                rows = new ArrayList<>();
            }
        }
        return epochs;
    }

    private static List<String> texts(List<byte[]> rows) {
        return rows.stream().map(KeyedRows::hex).toList();
    }

    private static String text(Aggregate aggregate, List<byte[]> observations) {
        return KeyedRows.payloadOfResult(Observe.result(aggregate, observations).toBytes());
    }

    private static String expected(Aggregate aggregate, List<byte[]> rows) {
        long[] values = rows.stream()
                .mapToLong(row -> KeyedRows.value(new RowView().pointTo(row, 0, row.length)))
                .toArray();
        return KeyedRows.hex(
                aggregate instanceof Aggregate.InObjects
                        ? KeyedRows.longs(values)
                        : KeyedRows.longs(
                                values.length,
                                Arrays.stream(values).sum(),
                                Arrays.stream(values).max().orElse(Long.MIN_VALUE)));
    }
}
