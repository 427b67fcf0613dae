package dev.millrace.engine.operator;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.engine.harness.Event;
import dev.millrace.engine.harness.KeyedRows;
import dev.millrace.engine.harness.OperatorHarness;
import dev.millrace.engine.harness.OperatorHarness.Outcome;
import dev.millrace.engine.harness.Seeds;
import dev.millrace.engine.harness.ShortLivedViews;
import dev.millrace.engine.page.RowView;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** KeyedDeduplicate against a HashMap, plainly and with adversity. */
class KeyedDeduplicatePropertyTest {
    private static final int KEY_GROUPS = 7;
    private static final int SEEDS = 40;
    private static final long DELAY_MICROS = 20;

    /** A row's time, and its name as the key; a key lasts for a delay from its first row. */
    private static final class ByName implements RowIdentity {
        private final ShortLivedViews views = new ShortLivedViews();

        @Override
        public RowView key(RowView row) {
            byte[] key = KeyedRows.key(row);
            return views.next(java.util.Arrays.copyOfRange(key, Long.BYTES, key.length));
        }

        @Override
        public long eventTimeMicros(RowView row) {
            return KeyedRows.expiryMicros(KeyedRows.key(row));
        }

        @Override
        public long expiryMicros(long eventTimeMicros) {
            return eventTimeMicros == NO_EVENT_TIME ? Long.MAX_VALUE : eventTimeMicros + DELAY_MICROS;
        }
    }

    @Test
    void letsTheFirstRowOfEachKeyThroughInOrder() {
        Seeds.forEach(SEEDS, seed -> {
            List<Event> events = events(seed);
            Model model = new Model(events);
            OperatorHarness harness = new OperatorHarness(
                    () -> new KeyedDeduplicate(ByName::new, false),
                    KEY_GROUPS,
                    (bytes, offset, sizeBytes) -> bytes[offset + sizeBytes - 1] % KEY_GROUPS);
            for (Outcome outcome :
                    List.of(harness.run(events), harness.runRowByRow(events), harness.runAdversely(events, seed))) {
                assertThat(outcome.rows().stream().map(KeyedRows::hex).toList()).isEqualTo(model.first);
                assertThat(outcome.metrics().rowsDroppedByWatermark()).isEqualTo(model.lateCount);
                assertThat(outcome.metrics().rowsDroppedAsDuplicates()).isEqualTo(model.duplicateCount);
                assertThat(outcome.metrics().rowsUpdated()).isEqualTo(model.first.size());
                assertThat(outcome.metrics().state().rows()).isEqualTo(model.expiries.size());
            }
        });
    }

    private static List<Event> events(long seed) {
        Random random = new Random(seed);
        int nameCount = 1 << random.nextInt(9);
        long watermarkMicros = 0;
        List<Event> events = new ArrayList<>();
        for (int i = 0; i < 1_500; i++) {
            if (random.nextInt(40) == 0) {
                watermarkMicros += random.nextInt(15);
                events.add(Event.watermark(watermarkMicros));
            }
            long time = random.nextInt(9) == 0 ? RowIdentity.NO_EVENT_TIME : watermarkMicros + random.nextInt(60) - 5;
            events.add(Event.row(KeyedRows.row(i, time, new byte[] {1, (byte) random.nextInt(nameCount), 3})));
        }
        return events;
    }

    /** What the operator must give, found the simple way. */
    private static final class Model {
        private final Map<Integer, Long> expiries = new HashMap<>();
        private final List<String> first = new ArrayList<>();
        private long watermarkMicros = Long.MIN_VALUE;
        private long lateCount;
        private long duplicateCount;

        Model(List<Event> events) {
            for (Event event : events) {
                if (event instanceof Event.Watermark watermark) {
                    watermarkMicros = watermark.micros();
                    expiries.values().removeIf(expiry -> expiry <= watermarkMicros);
                } else {
                    take(((Event.Row) event).view());
                }
            }
        }

        private void take(RowView row) {
            long time = KeyedRows.expiryMicros(KeyedRows.key(row));
            int name = row.toBytes()[row.sizeBytes() - 2];
            if (time <= watermarkMicros) {
                lateCount++;
            } else if (expiries.containsKey(name)) {
                duplicateCount++;
            } else {
                expiries.put(name, time == RowIdentity.NO_EVENT_TIME ? Long.MAX_VALUE : time + DELAY_MICROS);
                first.add(KeyedRows.hex(row.toBytes()));
            }
        }
    }
}
