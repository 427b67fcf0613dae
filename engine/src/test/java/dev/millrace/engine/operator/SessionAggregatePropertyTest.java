package dev.millrace.engine.operator;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.engine.harness.CollectValues;
import dev.millrace.engine.harness.CountSumMax;
import dev.millrace.engine.harness.Event;
import dev.millrace.engine.harness.KeyedRows;
import dev.millrace.engine.harness.OperatorHarness;
import dev.millrace.engine.harness.OperatorHarness.Outcome;
import dev.millrace.engine.harness.Seeds;
import dev.millrace.engine.harness.ShortLivedViews;
import dev.millrace.engine.page.RowView;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;

/** SessionAggregate against lists of sessions, plainly and with adversity. */
class SessionAggregatePropertyTest {
    private static final int KEY_GROUPS = 7;
    private static final int SEEDS = 60;
    private static final int LONGEST_GAP = 12;

    /** The windows of keys that hold a window's end, its start, and the name of a group. */
    private static final class Windows implements SessionWindows {
        private final ShortLivedViews groups = new ShortLivedViews();
        private final ShortLivedViews keys = new ShortLivedViews();

        @Override
        public long startMicros(RowView key) {
            return KeyedRows.value(key.bytes(), key.offset() + Long.BYTES);
        }

        @Override
        public long endMicros(RowView key) {
            return KeyedRows.value(key.bytes(), key.offset());
        }

        @Override
        public RowView group(RowView key) {
            byte[] bytes = key.toBytes();
            return groups.next(Arrays.copyOfRange(bytes, 2 * Long.BYTES, bytes.length));
        }

        @Override
        public RowView key(RowView group, long startMicros, long endMicros) {
            return keys.next(keyBytes(startMicros, endMicros, group.toBytes()));
        }
    }

    private static byte[] keyBytes(long startMicros, long endMicros, byte[] name) {
        byte[] window = KeyedRows.longs(endMicros, startMicros);
        byte[] key = Arrays.copyOf(window, window.length + name.length);
        System.arraycopy(name, 0, key, window.length, name.length);
        return key;
    }

    /** A sum, a count and a maximum, or all values in any order, as lists of numbers. */
    private enum Kind {
        BYTES(() -> new CountSumMax(false)),
        OBJECTS(CollectValues::new);

        private final Supplier<Aggregate> aggregates;

        Kind(Supplier<Aggregate> aggregates) {
            this.aggregates = aggregates;
        }

        private byte[] payload(List<Long> values) {
            long[] numbers = values.stream().mapToLong(Long::longValue).sorted().toArray();
            return this == OBJECTS
                    ? KeyedRows.longs(numbers)
                    : KeyedRows.longs(numbers.length, Arrays.stream(numbers).sum(), numbers[numbers.length - 1]);
        }

        /** A result with its values in their order. */
        private String text(byte[] result) {
            int payloadSize = KeyedRows.payloadOfResult(result).length() / 2;
            byte[] sorted = result.clone();
            if (this == OBJECTS) {
                List<Long> values = new ArrayList<>();
                for (int at = result.length - payloadSize; at < result.length; at += Long.BYTES) {
                    values.add(KeyedRows.value(result, at));
                }
                byte[] payload = payload(values);
                System.arraycopy(payload, 0, sorted, result.length - payloadSize, payloadSize);
            }
            return KeyedRows.hex(sorted);
        }
    }

    @Test
    void givesEachSessionOnceThatTheWatermarkHasPassed() {
        Seeds.forEach(SEEDS, seed -> {
            List<Event> events = events(seed);
            for (Kind kind : Kind.values()) {
                Model model = new Model(events, kind);
                OperatorHarness harness = harness(kind, Emission.AT_EXPIRY);
                for (Outcome outcome :
                        List.of(harness.run(events), harness.runRowByRow(events), harness.runAdversely(events, seed))) {
                    assertThat(texts(kind, outcome.rows())).containsExactlyInAnyOrderElementsOf(model.given);
                    assertThat(outcome.metrics().rowsDroppedByWatermark()).isEqualTo(model.lateCount);
                    assertThat(outcome.metrics().state().rows())
                            .isEqualTo(model.sessions().size());
                }
            }
        });
    }

    @Test
    void givesAllSessionsAtEachBarrierAndDropsNone() {
        Seeds.forEach(SEEDS, seed -> {
            List<Event> events = new ArrayList<>(events(seed));
            for (Kind kind : Kind.values()) {
                Model model = new Model(events, kind);
                model.isExpiring = false;
                model.takeAll(events);
                List<Event> closed = new ArrayList<>(events);
                closed.add(Event.barrier(1));
                for (Outcome outcome : List.of(
                        harness(kind, Emission.ALL_PER_EPOCH).run(closed),
                        harness(kind, Emission.ALL_PER_EPOCH).runRowByRow(closed))) {
                    assertThat(texts(kind, outcome.rows())).containsExactlyInAnyOrderElementsOf(model.sessions());
                    assertThat(outcome.metrics().rowsDroppedByWatermark()).isEqualTo(model.lateCount);
                }
            }
        });
    }

    @Test
    void givesTheLastTableAlsoAfterRestarts() {
        Seeds.forEach(SEEDS, seed -> {
            List<Event> events = new ArrayList<>(events(seed));
            Model model = new Model(events, Kind.BYTES);
            model.isExpiring = false;
            model.takeAll(events);
            events.add(Event.barrier(1));
            List<byte[]> rows = harness(Kind.BYTES, Emission.ALL_PER_EPOCH)
                    .runAdversely(events, seed)
                    .rows();
            List<String> table = model.sessions();
            // The last event may be followed by one more barrier, of the restart behind it.
            assertThat(texts(Kind.BYTES, rows.subList(rows.size() - table.size(), rows.size())))
                    .containsExactlyInAnyOrderElementsOf(table);
        });
    }

    private static List<String> texts(Kind kind, List<byte[]> rows) {
        return rows.stream().map(kind::text).toList();
    }

    private static OperatorHarness harness(Kind kind, Emission emission) {
        var factory = new SessionAggregate.Factory(kind.aggregates, Windows::new, "sessions", emission, List.of());
        return new OperatorHarness(
                factory::create, KEY_GROUPS, (bytes, offset, sizeBytes) -> bytes[offset + sizeBytes - 1] % KEY_GROUPS);
    }

    private static List<Event> events(long seed) {
        Random random = new Random(seed);
        int nameCount = 1 << random.nextInt(7);
        int spread = 1 + random.nextInt(200);
        long watermarkMicros = 0;
        List<Event> events = new ArrayList<>();
        for (int i = 0; i < 1_000; i++) {
            if (random.nextInt(30) == 0) {
                watermarkMicros += random.nextInt(40);
                events.add(Event.watermark(watermarkMicros));
            }
            long start = watermarkMicros + random.nextInt(spread) - LONGEST_GAP;
            long end = start + 1 + random.nextInt(LONGEST_GAP);
            byte[] startAndName = Arrays.copyOf(KeyedRows.longs(start), Long.BYTES + 1);
            startAndName[Long.BYTES] = (byte) random.nextInt(nameCount);
            events.add(Event.row(KeyedRows.row(random.nextInt(100), end, startAndName)));
        }
        return events;
    }

    /** What the operator must give, found the simple way. */
    private static final class Model {
        private record Session(long start, long end, List<Long> values) {}

        private final Kind kind;
        private final Map<Byte, List<Session>> groups = new HashMap<>();
        private final List<String> given = new ArrayList<>();
        private boolean isExpiring = true;
        private long watermarkMicros = Long.MIN_VALUE;
        private long lateCount;

        Model(List<Event> events, Kind kind) {
            this.kind = kind;
            takeAll(events);
        }

        private void takeAll(List<Event> events) {
            groups.clear();
            given.clear();
            watermarkMicros = Long.MIN_VALUE;
            lateCount = 0;
            for (Event event : events) {
                if (event instanceof Event.Watermark watermark) {
                    watermarkMicros = watermark.micros();
                    if (isExpiring) {
                        expire();
                    }
                } else {
                    take(((Event.Row) event).view());
                }
            }
        }

        private void expire() {
            groups.forEach((name, sessions) -> {
                sessions.stream()
                        .filter(session -> session.end <= watermarkMicros)
                        .forEach(session -> given.add(text(name, session)));
                sessions.removeIf(session -> session.end <= watermarkMicros);
            });
        }

        private void take(RowView row) {
            byte[] key = KeyedRows.key(row);
            long end = KeyedRows.value(key, 0);
            long start = KeyedRows.value(key, Long.BYTES);
            if (end <= watermarkMicros) {
                lateCount++;
                return;
            }
            List<Session> sessions = groups.computeIfAbsent(key[key.length - 1], absent -> new ArrayList<>());
            List<Long> values = new ArrayList<>(Collections.singletonList(KeyedRows.value(row)));
            for (Session session : List.copyOf(sessions)) {
                if (session.start <= end && start <= session.end && sessions.remove(session)) {
                    start = Math.min(start, session.start);
                    end = Math.max(end, session.end);
                    values.addAll(session.values);
                }
            }
            sessions.add(new Session(start, end, values));
        }

        private String text(byte name, Session session) {
            byte[] key = keyBytes(session.start, session.end, new byte[] {name});
            return KeyedRows.hex(KeyedRows.result(key, kind.payload(session.values)));
        }

        List<String> sessions() {
            List<String> texts = new ArrayList<>();
            groups.forEach((name, sessions) -> sessions.forEach(session -> texts.add(text(name, session))));
            return texts;
        }
    }
}
