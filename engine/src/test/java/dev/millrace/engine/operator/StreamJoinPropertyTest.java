package dev.millrace.engine.operator;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.engine.harness.Event;
import dev.millrace.engine.harness.IntervalJoin;
import dev.millrace.engine.harness.IntervalJoin.Interval;
import dev.millrace.engine.harness.KeyedRows;
import dev.millrace.engine.harness.OperatorHarness;
import dev.millrace.engine.harness.OperatorHarness.Outcome;
import dev.millrace.engine.harness.Seeds;
import dev.millrace.engine.page.Side;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** StreamJoin against two nested loops over all rows that were not late, plainly and with adversity. */
class StreamJoinPropertyTest {
    private static final int KEY_GROUPS = 7;
    private static final int SEEDS = 40;
    private static final long END = 1_000_000;

    @ParameterizedTest
    @EnumSource
    void givesTheNestedLoopsAnswerOnceTheWatermarkPassedAllRows(JoinType type) {
        Seeds.forEach(SEEDS, seed -> {
            Random random = new Random(seed);
            Interval interval = interval(random, type);
            List<Event> events = events(random);
            List<String> expected = nestedLoops(new IntervalJoin(interval), type, events);
            OperatorHarness harness = harness(interval, type);
            for (Outcome outcome :
                    List.of(harness.run(events), harness.runRowByRow(events), harness.runAdversely(events, seed))) {
                assertThat(outcome.rows().stream().map(KeyedRows::hex)).containsExactlyInAnyOrderElementsOf(expected);
                assertThat(outcome.metrics().rowsDroppedByWatermark()).isEqualTo(lateCount(events));
                if (isBounded(interval)) {
                    assertThat(outcome.metrics().state().rows()).isLessThanOrEqualTo(timelessCount(events));
                }
            }
        });
    }

    private static boolean isBounded(Interval interval) {
        return interval.before() != Interval.UNBOUNDED && interval.behind() != Interval.UNBOUNDED;
    }

    /** A side whose unmatched rows are given has to have a bound. */
    private static Interval interval(Random random, JoinType type) {
        long before = random.nextInt(3) == 0 ? Interval.UNBOUNDED : random.nextInt(30);
        long behind = random.nextInt(3) == 0 ? Interval.UNBOUNDED : random.nextInt(30);
        return new Interval(
                type.keepsUnmatched(Side.RIGHT) && before == Interval.UNBOUNDED ? 9 : before,
                type.keepsUnmatched(Side.LEFT) && behind == Interval.UNBOUNDED ? 9 : behind);
    }

    private static OperatorHarness harness(Interval interval, JoinType type) {
        return new OperatorHarness(
                new StreamJoinFactory(task -> new IntervalJoin(interval), type, "join", 0)::create,
                KEY_GROUPS,
                (bytes, offset, sizeBytes) -> (int) Math.floorMod(KeyedRows.value(bytes, offset), (long) KEY_GROUPS));
    }

    private static List<Event> events(Random random) {
        int keyCount = 1 << random.nextInt(6);
        int jitter = 1 + random.nextInt(40);
        List<Event> events = new ArrayList<>();
        long now = 0;
        for (int i = 0; i < 400; i++) {
            now += random.nextInt(3);
            if (random.nextInt(30) == 0) {
                events.add(Event.watermark(now - random.nextInt(20)));
            }
            long time = random.nextInt(40) == 0 ? IntervalJoin.NO_TIME : now - random.nextInt(jitter);
            long key = random.nextInt(15) == 0 ? IntervalJoin.NULL_KEY : random.nextInt(keyCount);
            int padding = random.nextInt(50) == 0 ? random.nextInt(5000) : random.nextInt(20);
            byte[] row = IntervalJoin.row(key, time, random.nextInt(50), padding);
            events.add(Event.row(random.nextBoolean() ? Side.LEFT : Side.RIGHT, row));
        }
        events.add(Event.watermark(END));
        return withoutStepsBack(events);
    }

    private static List<Event> withoutStepsBack(List<Event> events) {
        List<Event> kept = new ArrayList<>();
        long watermark = Long.MIN_VALUE;
        for (Event event : events) {
            if (event instanceof Event.Watermark mark) {
                if (mark.micros() <= watermark) {
                    continue;
                }
                watermark = mark.micros();
            }
            kept.add(event);
        }
        return kept;
    }

    private static boolean isLate(byte[] row, long watermark) {
        return IntervalJoin.time(row) != IntervalJoin.NO_TIME && IntervalJoin.time(row) <= watermark;
    }

    private static List<byte[]> inTime(List<Event> events, Side side) {
        List<byte[]> rows = new ArrayList<>();
        long watermark = Long.MIN_VALUE;
        for (Event event : events) {
            if (event instanceof Event.Watermark mark) {
                watermark = mark.micros();
            } else if (event instanceof Event.Row row && row.side() == side) {
                byte[] bytes = row.view().toBytes();
                if (!isLate(bytes, watermark)) {
                    rows.add(bytes);
                }
            }
        }
        return rows;
    }

    private static long lateCount(List<Event> events) {
        long rows = events.stream().filter(Event.Row.class::isInstance).count();
        return rows
                - inTime(events, Side.LEFT).size()
                - inTime(events, Side.RIGHT).size();
    }

    /** Rows without a time are kept for ever. */
    private static long timelessCount(List<Event> events) {
        return events.stream()
                .filter(event -> event instanceof Event.Row row
                        && IntervalJoin.time(row.view().toBytes()) == IntervalJoin.NO_TIME)
                .count();
    }

    private static List<String> nestedLoops(IntervalJoin join, JoinType type, List<Event> events) {
        List<byte[]> left = inTime(events, Side.LEFT);
        List<byte[]> right = inTime(events, Side.RIGHT);
        List<String> rows = new ArrayList<>();
        for (byte[] row : left) {
            List<byte[]> matches =
                    right.stream().filter(other -> join.isMatch(row, other)).toList();
            if (type == JoinType.LEFT_SEMI) {
                if (!matches.isEmpty()) {
                    rows.add(KeyedRows.hex(row));
                }
                continue;
            }
            matches.forEach(other -> rows.add(KeyedRows.hex(IntervalJoin.result(row, other))));
            if (matches.isEmpty() && type.keepsUnmatched(Side.LEFT) && comesOut(row)) {
                rows.add(KeyedRows.hex(IntervalJoin.result(row, new byte[0])));
            }
        }
        for (byte[] row : right) {
            boolean isUnmatched = left.stream().noneMatch(other -> join.isMatch(other, row));
            if (isUnmatched && type.keepsUnmatched(Side.RIGHT) && comesOut(row)) {
                rows.add(KeyedRows.hex(IntervalJoin.result(new byte[0], row)));
            }
        }
        return rows;
    }

    /** A row without a time waits for ever, as in Spark, unless nothing can match it from the start. */
    private static boolean comesOut(byte[] row) {
        return IntervalJoin.time(row) != IntervalJoin.NO_TIME || !IntervalJoin.mayMatch(row);
    }
}
