package dev.millrace.engine.operator;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.engine.harness.CountSumMax;
import dev.millrace.engine.harness.Event;
import dev.millrace.engine.harness.KeyedRows;
import dev.millrace.engine.harness.OperatorHarness;
import dev.millrace.engine.harness.OperatorHarness.Outcome;
import dev.millrace.engine.harness.Seeds;
import dev.millrace.engine.page.RowView;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.ToLongFunction;
import org.junit.jupiter.api.Test;

/** What the first half of an aggregation gives, merged by the simplest means, against all rows taken by one buffer. */
class PartialAggregatePropertyTest {
    private static final int SEEDS = 40;
    private static final int MANY_ROWS = 40_000;
    private static final int ALL_DIFFERENT = Integer.MAX_VALUE;

    @Test
    void everyRowIsInOneHalfResultBeforeTheNextMark() {
        Seeds.forEach(SEEDS, seed -> {
            Random random = new Random(seed);
            List<Event> events = events(random, 3_000, 1 << random.nextInt(13), true);
            for (Outcome outcome :
                    List.of(harness(false).run(events), harness(false).runAdversely(events, seed))) {
                assertThat(totals(outcome.rows())).isEqualTo(expected(events));
                assertThat(rowsBeforeWatermarks(outcome.events(), PartialAggregatePropertyTest::count))
                        .as("rows before each watermark")
                        .isEqualTo(rowsBeforeWatermarks(events, row -> 1));
            }
        });
    }

    @Test
    void aKeyThatRepeatsIsGivenOnceBetweenMarks() throws Exception {
        List<Event> events = events(new Random(1), MANY_ROWS, 1_000, false);
        Outcome outcome = harness(false).run(events);
        assertThat(outcome.rows().size()).isEqualTo(1_000);
        assertThat(totals(outcome.rows())).isEqualTo(expected(events));
    }

    @Test
    void keysThatHardlyRepeatAreGivenAsTheyCome() throws Exception {
        List<Event> events = events(new Random(2), MANY_ROWS, ALL_DIFFERENT, false);
        Outcome outcome = harness(false).run(events);
        assertThat(outcome.rows().size()).isEqualTo(MANY_ROWS);
        assertThat(totals(outcome.rows())).isEqualTo(expected(events));
    }

    @Test
    void withoutKeysThereIsOneRowBetweenMarks() throws Exception {
        List<Event> events = events(new Random(3), MANY_ROWS, 1_000, false);
        Outcome outcome = harness(true).run(events);
        assertThat(rowsBeforeWatermarks(
                        List.of(Event.row(outcome.rows().get(0)), Event.watermark(0)),
                        PartialAggregatePropertyTest::count))
                .containsExactly((long) MANY_ROWS);
        assertThat(outcome.rows()).hasSize(1);
    }

    private static OperatorHarness harness(boolean withoutKeys) {
        return new OperatorHarness(
                () -> new PartialAggregate(() -> new CountSumMax(withoutKeys)), 1, (bytes, offset, sizeBytes) -> 0);
    }

    /** Ends with a mark, so that nothing is held. */
    private static List<Event> events(Random random, int rows, int keys, boolean withMarks) {
        List<Event> events = new ArrayList<>();
        long epoch = 1;
        for (int i = 0; i < rows; i++) {
            if (withMarks && random.nextInt(400) == 0) {
                events.add(random.nextBoolean() ? Event.watermark(i) : Event.barrier(epoch++));
            }
            int key = keys == ALL_DIFFERENT ? i : random.nextInt(keys);
            byte[] name = new byte[4 + Math.floorMod(key, 11)];
            ByteBuffer.wrap(name).putInt(key);
            events.add(Event.row(KeyedRows.row(random.nextInt(1000), key, name)));
        }
        events.add(Event.barrier(epoch));
        return events;
    }

    /** For each key what all half results of it come to. */
    private static Map<String, String> totals(List<byte[]> halfResults) {
        CountSumMax merging = CountSumMax.ofResults(false);
        Map<String, byte[]> buffers = new HashMap<>();
        for (byte[] half : halfResults) {
            byte[] buffer = buffers.computeIfAbsent(
                    KeyedRows.keyOfResult(half), key -> merging.initialBuffer().toBytes());
            merging.update(buffer, 0, new RowView().pointTo(half, 0, half.length));
        }
        return hex(buffers);
    }

    private static Map<String, String> expected(List<Event> events) {
        CountSumMax whole = new CountSumMax(false);
        Map<String, byte[]> buffers = new HashMap<>();
        for (Event event : events) {
            if (event instanceof Event.Row row) {
                byte[] buffer =
                        buffers.computeIfAbsent(KeyedRows.hex(KeyedRows.key(row.view())), key -> whole.initialBuffer()
                                .toBytes());
                whole.update(buffer, 0, row.view());
            }
        }
        return hex(buffers);
    }

    private static List<Long> rowsBeforeWatermarks(List<Event> events, ToLongFunction<RowView> count) {
        List<Long> counts = new ArrayList<>();
        long rows = 0;
        for (Event event : events) {
            if (event instanceof Event.Row row) {
                rows += count.applyAsLong(row.view());
            } else if (event instanceof Event.Watermark) {
                counts.add(rows);
            }
        }
        return counts;
    }

    /** How many rows a half result is made of. */
    private static long count(RowView half) {
        CountSumMax merging = CountSumMax.ofResults(false);
        byte[] buffer = merging.initialBuffer().toBytes();
        merging.update(buffer, 0, half);
        return ByteBuffer.wrap(buffer).order(ByteOrder.nativeOrder()).getLong(0);
    }

    private static Map<String, String> hex(Map<String, byte[]> buffers) {
        Map<String, String> texts = new HashMap<>();
        buffers.forEach((key, buffer) -> texts.put(key, KeyedRows.hex(buffer)));
        return texts;
    }
}
