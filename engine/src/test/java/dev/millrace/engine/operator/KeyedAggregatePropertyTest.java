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
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.Function;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;

/** KeyedAggregate against a HashMap, plainly and with adversity. */
class KeyedAggregatePropertyTest {
    private static final int KEY_GROUPS = 7;
    private static final int SEEDS = 40;

    @Test
    void givesTheModelsAnswerPerKeyWithBuffersInBytes() {
        Seeds.forEach(
                SEEDS,
                seed -> checkLastResults(seed, () -> new CountSumMax(false), KeyedAggregatePropertyTest::countSumMax));
    }

    @Test
    void givesTheModelsAnswerPerKeyWithBuffersThatAreObjects() {
        Seeds.forEach(SEEDS, seed -> checkLastResults(seed, CollectValues::new, KeyedAggregatePropertyTest::all));
    }

    @Test
    void givesEveryChangeInOrderWithBuffersInBytes() {
        Seeds.forEach(
                SEEDS,
                seed -> checkEveryChange(seed, () -> new CountSumMax(false), KeyedAggregatePropertyTest::countSumMax));
    }

    @Test
    void givesEveryChangeInOrderWithBuffersThatAreObjects() {
        Seeds.forEach(SEEDS, seed -> checkEveryChange(seed, CollectValues::new, KeyedAggregatePropertyTest::all));
    }

    @Test
    void givesTheWholeTableAtTheLastBarrier() {
        Seeds.forEach(SEEDS, seed -> {
            List<Event> events = new ArrayList<>(events(seed));
            events.removeIf(Event.Watermark.class::isInstance);
            Model model = new Model(events, KeyedAggregatePropertyTest::countSumMax);
            events.add(Event.barrier(1));
            OperatorHarness harness = harness(() -> new CountSumMax(false), Emission.ALL_PER_EPOCH);
            for (Outcome outcome : List.of(harness.run(events), harness.runAdversely(events, seed))) {
                Map<String, String> table = new HashMap<>();
                for (byte[] row : outcome.rows()) {
                    table.put(KeyedRows.keyOfResult(row), KeyedRows.payloadOfResult(row));
                }
                assertThat(table).isEqualTo(model.lastResults);
            }
        });
    }

    @Test
    void givesEveryKeyOnceThatTheWatermarkHasPassed() {
        Seeds.forEach(SEEDS, seed -> {
            List<Event> events = events(seed);
            Model model = new Model(events, KeyedAggregatePropertyTest::countSumMax);
            OperatorHarness harness = harness(() -> new CountSumMax(false), Emission.AT_EXPIRY);
            for (Outcome outcome : List.of(harness.run(events), harness.runAdversely(events, seed))) {
                assertThat(outcome.rows()).hasSize((int) model.removedCount);
                for (byte[] row : outcome.rows()) {
                    String key = KeyedRows.keyOfResult(row);
                    assertThat(model.values).doesNotContainKey(key);
                    assertThat(KeyedRows.payloadOfResult(row)).isEqualTo(model.lastResults.get(key));
                }
                checkMetrics(outcome, model);
            }
        });
    }

    @Test
    void givesTheModelsAnswerWithMoreStateThanCachesHold() {
        Seeds.forEach(1, seed -> {
            Random random = new Random(seed);
            List<Event> events = new ArrayList<>();
            for (int i = 0; i < 20_000; i++) {
                byte[] name = KeyedRows.longs(random.nextInt(25_000), 0);
                events.add(Event.row(KeyedRows.row(i, Long.MAX_VALUE, name)));
            }
            Model model = new Model(events, KeyedAggregatePropertyTest::countSumMax);
            Outcome outcome =
                    harness(() -> new CountSumMax(false), Emission.EVERY_CHANGE).run(events);
            assertThat(outcome.metrics().state().memoryBytes()).isGreaterThan(1 << 20);
            assertThat(outcome.rows().stream().map(KeyedRows::hex).toList()).isEqualTo(model.changes);
        });
    }

    private static void checkLastResults(
            long seed, Supplier<Aggregate> aggregates, Function<List<Long>, byte[]> payload) throws Exception {
        List<Event> events = events(seed);
        Model model = new Model(events, payload);
        OperatorHarness harness = harness(aggregates, Emission.PER_PAGE);
        for (Outcome outcome : List.of(harness.run(events), harness.runAdversely(events, seed))) {
            Map<String, String> lastResults = new HashMap<>();
            for (byte[] row : outcome.rows()) {
                lastResults.put(KeyedRows.keyOfResult(row), KeyedRows.payloadOfResult(row));
            }
            assertThat(lastResults).isEqualTo(model.lastResults);
            assertThat(outcome.rows()).hasSizeLessThanOrEqualTo(model.changes.size());
            checkMetrics(outcome, model);
        }
    }

    private static void checkEveryChange(
            long seed, Supplier<Aggregate> aggregates, Function<List<Long>, byte[]> payload) throws Exception {
        List<Event> events = events(seed);
        Model model = new Model(events, payload);
        OperatorHarness everyChange = harness(aggregates, Emission.EVERY_CHANGE);
        OperatorHarness perPage = harness(aggregates, Emission.PER_PAGE);
        for (Outcome outcome :
                List.of(everyChange.run(events), everyChange.runAdversely(events, seed), perPage.runRowByRow(events))) {
            assertThat(outcome.rows().stream().map(KeyedRows::hex).toList()).isEqualTo(model.changes);
            checkMetrics(outcome, model);
        }
    }

    private static void checkMetrics(Outcome outcome, Model model) {
        assertThat(outcome.metrics().rowsDroppedByWatermark()).isEqualTo(model.lateCount);
        assertThat(outcome.metrics().rowsRemoved()).isEqualTo(model.removedCount);
        assertThat(outcome.metrics().state().rows()).isEqualTo(model.values.size());
    }

    private static OperatorHarness harness(Supplier<Aggregate> aggregates, Emission emission) {
        return new OperatorHarness(
                () -> new KeyedAggregate(aggregates, emission),
                KEY_GROUPS,
                (bytes, offset, sizeBytes) -> bytes[offset + sizeBytes - 1] % KEY_GROUPS);
    }

    private static List<Event> events(long seed) {
        Random random = new Random(seed);
        int nameCount = 1 << random.nextInt(9);
        int windowCount = 1 + random.nextInt(5);
        long watermarkMicros = 0;
        List<Event> events = new ArrayList<>();
        for (int i = 0; i < 1_500; i++) {
            if (random.nextInt(50) == 0) {
                watermarkMicros += random.nextInt(15);
                events.add(Event.watermark(watermarkMicros));
            }
            long window = (watermarkMicros / 10 + random.nextInt(windowCount)) * 10;
            long expiryMicros = random.nextInt(5) == 0 ? Long.MAX_VALUE : window;
            events.add(Event.row(KeyedRows.row(random.nextInt(100), expiryMicros, name(random.nextInt(nameCount)))));
        }
        return events;
    }

    private static byte[] name(int number) {
        byte[] name = new byte[1 + number % 20];
        name[0] = (byte) number;
        name[name.length - 1] = (byte) (number & 0x7F);
        return name;
    }

    private static byte[] countSumMax(List<Long> values) {
        return KeyedRows.longs(
                values.size(),
                values.stream().mapToLong(Long::longValue).sum(),
                values.stream().mapToLong(Long::longValue).max().orElseThrow());
    }

    private static byte[] all(List<Long> values) {
        return KeyedRows.longs(values.stream().mapToLong(Long::longValue).toArray());
    }

    /** What the operator must give, found the simple way. */
    private static final class Model {
        private final Map<String, List<Long>> values = new HashMap<>();
        private final Map<String, Long> expiries = new HashMap<>();
        private final Map<String, String> lastResults = new HashMap<>();
        private final List<String> changes = new ArrayList<>();
        private long watermarkMicros = Long.MIN_VALUE;
        private long lateCount;
        private long removedCount;

        Model(List<Event> events, Function<List<Long>, byte[]> payload) {
            for (Event event : events) {
                if (event instanceof Event.Watermark watermark) {
                    advance(watermark.micros());
                } else {
                    take(((Event.Row) event).view(), payload);
                }
            }
        }

        private void advance(long micros) {
            watermarkMicros = micros;
            expiries.forEach((key, expiryMicros) -> {
                if (expiryMicros <= micros && values.remove(key) != null) {
                    removedCount++;
                }
            });
        }

        private void take(RowView row, Function<List<Long>, byte[]> payload) {
            byte[] keyBytes = KeyedRows.key(row);
            long expiryMicros = KeyedRows.expiryMicros(keyBytes);
            if (expiryMicros <= watermarkMicros) {
                lateCount++;
                return;
            }
            String key = KeyedRows.hex(keyBytes);
            expiries.put(key, expiryMicros);
            List<Long> buffer = values.computeIfAbsent(key, absent -> new ArrayList<>());
            buffer.add(KeyedRows.value(row));
            byte[] result = KeyedRows.result(keyBytes, payload.apply(buffer));
            lastResults.put(key, KeyedRows.payloadOfResult(result));
            changes.add(KeyedRows.hex(result));
        }
    }
}
