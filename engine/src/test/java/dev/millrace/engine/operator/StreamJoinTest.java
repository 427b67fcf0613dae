package dev.millrace.engine.operator;

import static dev.millrace.engine.harness.IntervalJoin.NULL_KEY;
import static dev.millrace.engine.harness.IntervalJoin.result;
import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.engine.harness.Event;
import dev.millrace.engine.harness.IntervalJoin;
import dev.millrace.engine.harness.IntervalJoin.Interval;
import dev.millrace.engine.harness.KeyedRows;
import dev.millrace.engine.harness.OperatorHarness;
import dev.millrace.engine.page.Side;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** When a join gives its rows, and what it keeps. */
class StreamJoinTest {
    private static final byte[] NONE = new byte[0];

    private static OperatorHarness harness(JoinType type, long before, long behind) {
        Interval interval = new Interval(before, behind);
        return new OperatorHarness(
                new StreamJoinFactory(task -> new IntervalJoin(interval), type, "join", 0)::create,
                1,
                (bytes, offset, sizeBytes) -> 0);
    }

    private static byte[] row(long key, long time, long value) {
        return IntervalJoin.row(key, time, value, 0);
    }

    private static Event left(byte[] row) {
        return Event.row(Side.LEFT, row);
    }

    private static Event right(byte[] row) {
        return Event.row(Side.RIGHT, row);
    }

    private static List<String> hex(byte[]... rows) {
        return Arrays.stream(rows).map(KeyedRows::hex).toList();
    }

    private static List<String> run(OperatorHarness harness, Event... events) throws Exception {
        return harness.runRowByRow(List.of(events)).rows().stream()
                .map(KeyedRows::hex)
                .toList();
    }

    @Test
    void givesAMatchAtOnceWhicheverSideComesLast() throws Exception {
        byte[] a = row(1, 10, 1);
        byte[] b = row(1, 11, 2);
        assertThat(run(harness(JoinType.INNER, 5, 5), left(a), right(b))).isEqualTo(hex(result(a, b)));
        assertThat(run(harness(JoinType.INNER, 5, 5), right(b), left(a))).isEqualTo(hex(result(a, b)));
    }

    @Test
    void givesARowWithoutAMatchAsSoonAsTheWatermarkAllows() throws Exception {
        byte[] waiting = row(1, 10, 1);
        OperatorHarness harness = harness(JoinType.LEFT_OUTER, 5, 5);
        assertThat(run(harness, left(waiting), Event.watermark(14))).isEmpty();
        assertThat(run(harness, left(waiting), Event.watermark(15))).isEqualTo(hex(result(waiting, NONE)));
    }

    @Test
    void givesARowWhoseTimeHasComeBeforeItCame() throws Exception {
        byte[] early = row(1, 10, 1);
        byte[] late = row(1, 9, 1);
        OperatorHarness harness = harness(JoinType.FULL_OUTER, -3, -3);
        // In time, but no right row after the watermark could be as old as it asks for.
        assertThat(run(harness, Event.watermark(9), left(early), left(late))).isEqualTo(hex(result(early, NONE)));
    }

    @Test
    void doesNotGiveARowThatHadAMatchAgain() throws Exception {
        byte[] a = row(1, 10, 1);
        byte[] b = row(1, 12, 2);
        assertThat(run(harness(JoinType.FULL_OUTER, 5, 5), left(a), right(b), Event.watermark(100)))
                .isEqualTo(hex(result(a, b)));
    }

    @Test
    void letsNullKeysWaitAndMatchNothing() throws Exception {
        byte[] a = row(NULL_KEY, 10, 1);
        byte[] b = row(NULL_KEY, 10, 2);
        OperatorHarness harness = harness(JoinType.FULL_OUTER, 5, 5);
        assertThat(run(harness, left(a), right(b))).isEmpty();
        assertThat(run(harness, left(a), right(b), Event.watermark(100)))
                .containsExactlyInAnyOrderElementsOf(hex(result(a, NONE), result(NONE, b)));
    }

    @Test
    void givesEachRowOfASemiJoinOnceAndLetsItGo() throws Exception {
        byte[] a = row(1, 10, 1);
        byte[] b = row(1, 11, 2);
        OperatorHarness harness = harness(JoinType.LEFT_SEMI, 5, 5);
        List<Event> events = List.of(left(a), left(a), right(b), right(b), left(a));
        OperatorHarness.Outcome outcome = harness.runRowByRow(events);
        assertThat(outcome.rows().stream().map(KeyedRows::hex)).isEqualTo(hex(a, a, a));
        assertThat(outcome.metrics().state().rows()).as("the right rows").isEqualTo(2);
        assertThat(outcome.metrics().rowsRemoved()).isEqualTo(2);
    }

    @Test
    void goesOnInTheMidstOfARowsMatches() throws Exception {
        List<Event> events = new ArrayList<>();
        for (int i = 0; i < 2_000; i++) {
            events.add(left(row(1, 10, 5L * i + 1)));
        }
        byte[] one = row(1, 10, 5);
        events.add(right(one));
        OperatorHarness harness = harness(JoinType.INNER, 5, 5);
        List<String> expected = events.stream()
                .limit(2_000)
                .flatMap(event ->
                        event instanceof Event.Row row && !isRuledOut(row.view().toBytes())
                                ? Stream.of(KeyedRows.hex(result(row.view().toBytes(), one)))
                                : Stream.of())
                .toList();
        assertThat(harness.runAdversely(events, 3).rows().stream().map(KeyedRows::hex))
                .isEqualTo(expected);
    }

    private static boolean isRuledOut(byte[] row) {
        return !new IntervalJoin(new Interval(5, 5)).isMatch(row, row(1, 10, 5));
    }

    @Test
    void holdsItsWatermarkBackBehindWhatItGives() {
        Operator join =
                new StreamJoinFactory(task -> new IntervalJoin(new Interval(5, 5)), JoinType.INNER, "join", 7).create();
        assertThat(join.outputWatermark(10)).isEqualTo(3);
        assertThat(join.outputWatermark(Long.MIN_VALUE)).isEqualTo(Long.MIN_VALUE);
        assertThat(join.outputWatermark(Long.MAX_VALUE)).isEqualTo(Long.MAX_VALUE);
    }
}
