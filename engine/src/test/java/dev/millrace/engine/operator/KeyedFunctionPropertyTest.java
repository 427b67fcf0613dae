package dev.millrace.engine.operator;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.engine.harness.CountsByKey;
import dev.millrace.engine.harness.Event;
import dev.millrace.engine.harness.KeyedRows;
import dev.millrace.engine.harness.OperatorHarness;
import dev.millrace.engine.harness.OperatorHarness.Outcome;
import dev.millrace.engine.harness.Seeds;
import dev.millrace.engine.operator.GroupFunction.TimeDomain;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/** KeyedFunction against a map, plainly and with adversity. */
class KeyedFunctionPropertyTest {
    private static final int KEY_GROUPS = 7;
    private static final int SEEDS = 60;

    @Test
    void callsForEachKeyAndWhenTheWatermarkHasPassedItsTime() {
        Seeds.forEach(SEEDS, seed -> check(seed, TimeDomain.EVENT_TIME));
    }

    @Test
    void callsForEachKeyAndWhenTheClockHasPassedItsTime() {
        Seeds.forEach(SEEDS, seed -> check(seed, TimeDomain.PROCESSING_TIME));
    }

    private static void check(long seed, TimeDomain domain) throws Exception {
        List<Event> events = events(new Random(seed), domain);
        OperatorHarness harness = new OperatorHarness(
                () -> new KeyedFunction(context -> new CountsByKey(domain, context)),
                KEY_GROUPS,
                (bytes, offset, sizeBytes) -> Math.floorMod(bytes[offset + sizeBytes - 1], KEY_GROUPS));
        List<String> expected = model(events);
        assertThat(sorted(harness.run(events))).isEqualTo(expected);
        assertThat(sorted(harness.runRowByRow(events))).isEqualTo(expected);
        assertThat(sorted(harness.runAdversely(events, seed))).isEqualTo(expected);
    }

    /** Rows whose keys are over at some time, and times that come to them; none is late. */
    private static List<Event> events(Random random, TimeDomain domain) {
        List<Event> events = new ArrayList<>();
        int keys = 1 + random.nextInt(30);
        long millis = 0;
        for (int i = 0; i < random.nextInt(400); i++) {
            if (random.nextInt(12) == 0) {
                millis += random.nextInt(5);
                events.add(domain == TimeDomain.EVENT_TIME ? Event.watermark(millis * 1000) : Event.time(millis));
            } else {
                long overMicros = (millis + 1 + random.nextInt(6)) * 1000;
                events.add(Event.row(KeyedRows.row(i, overMicros, new byte[] {(byte) random.nextInt(keys)})));
            }
        }
        events.add(domain == TimeDomain.EVENT_TIME ? Event.watermark(1_000_000) : Event.time(1_000));
        return events;
    }

    /** Every row comes back, and every key once with the number of its rows: a key holds the time when it is over. */
    private static List<String> model(List<Event> events) {
        List<String> rows = new ArrayList<>();
        Map<String, Long> counts = new TreeMap<>();
        Map<String, byte[]> keys = new TreeMap<>();
        for (Event event : events) {
            if (event instanceof Event.Row row) {
                rows.add(KeyedRows.hex(row.view().toBytes()));
                byte[] key = KeyedRows.key(row.view());
                counts.merge(KeyedRows.hex(key), 1L, Long::sum);
                keys.put(KeyedRows.hex(key), key);
            }
        }
        counts.forEach(
                (key, count) -> rows.add(KeyedRows.hex(KeyedRows.result(keys.get(key), KeyedRows.longs(count)))));
        return rows.stream().sorted().toList();
    }

    private static List<String> sorted(Outcome outcome) {
        return outcome.rows().stream().map(KeyedRows::hex).sorted().toList();
    }
}
