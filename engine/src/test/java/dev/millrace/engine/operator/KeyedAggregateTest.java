package dev.millrace.engine.operator;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.engine.harness.CollectValues;
import dev.millrace.engine.harness.CountSumMax;
import dev.millrace.engine.harness.KeyedRows;
import dev.millrace.engine.harness.RecordingOutput;
import dev.millrace.engine.harness.Snapshots;
import dev.millrace.engine.metrics.OperatorMetrics;
import dev.millrace.engine.page.Page;
import dev.millrace.engine.page.RowCursor;
import dev.millrace.engine.page.RowView;
import dev.millrace.engine.snapshot.OperatorId;
import dev.millrace.engine.snapshot.Section;
import dev.millrace.engine.snapshot.SectionKey;
import dev.millrace.engine.state.MemoryBudget;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntFunction;
import org.junit.jupiter.api.Test;

class KeyedAggregateTest {
    private static final long NEVER = Long.MAX_VALUE;

    private final MemoryBudget budget = new MemoryBudget(200_000);
    private final OperatorMetrics metrics = new OperatorMetrics();
    private final RecordingOutput output = new RecordingOutput(false);

    @Test
    void givesOneResultPerKeyAndPageInTheOrderOfFirstChanges() throws Exception {
        Operator operator = open(Emission.PER_PAGE);

        process(operator, row(1, NEVER, "b"), row(2, NEVER, "a"), row(3, NEVER, "b"));
        process(operator, row(4, NEVER, "a"));

        assertThat(results())
                .containsExactly(result("b", NEVER, 2, 4, 3), result("a", NEVER, 1, 2, 2), result("a", NEVER, 2, 6, 4));
        assertThat(metrics.state().rows()).isEqualTo(2);
        assertThat(metrics.state().memoryBytes()).isPositive().isLessThanOrEqualTo(budget.usedBytes());
        assertThat(metrics.rowsUpdated()).isEqualTo(3);
    }

    @Test
    void givesAResultForEveryRowWhereEveryChangeIsAskedFor() throws Exception {
        Operator operator = open(Emission.EVERY_CHANGE);

        process(operator, row(1, NEVER, "b"), row(2, NEVER, "a"), row(3, NEVER, "b"));

        assertThat(results())
                .containsExactly(result("b", NEVER, 1, 1, 1), result("a", NEVER, 1, 2, 2), result("b", NEVER, 2, 4, 3));
    }

    @Test
    void givesOneResultPerKeyAtTheBarrierWhereEpochsAreTakenAsAWhole() throws Exception {
        Operator operator = open(Emission.PER_EPOCH);
        process(operator, row(1, NEVER, "b"), row(2, NEVER, "a"));
        process(operator, row(3, NEVER, "b"));
        assertThat(output.rows()).isEmpty();

        operator.barrier(1, output);
        assertThat(results()).containsExactly(result("b", NEVER, 2, 4, 3), result("a", NEVER, 1, 2, 2));
        output.rows().clear();

        operator.barrier(2, output);
        assertThat(output.rows()).isEmpty();
        process(operator, row(4, NEVER, "a"));
        operator.barrier(3, output);
        assertThat(results()).containsExactly(result("a", NEVER, 2, 6, 4));
    }

    @Test
    void givesTheLastResultOfAKeyThatTheWatermarkPassesWithinTheEpoch() throws Exception {
        Operator operator = open(Emission.PER_EPOCH);
        process(operator, row(1, 100, "closing"), row(1, 300, "open"));

        operator.watermark(200, output);
        process(operator, row(5, 100, "closing"), row(2, 300, "open"));
        operator.barrier(1, output);

        assertThat(results()).containsExactly(result("closing", 100, 1, 1, 1), result("open", 300, 2, 3, 2));
        assertThat(metrics.rowsDroppedByWatermark()).isEqualTo(1);
        assertThat(metrics.rowsRemoved()).isEqualTo(1);
        assertThat(metrics.state().rows()).isEqualTo(1);
    }

    @Test
    void goesOnAtTheBarrierWhereAFullOutputStoppedIt() throws Exception {
        Operator operator = open(Emission.PER_EPOCH);
        process(operator, row(1, NEVER, "a"), row(1, NEVER, "b"), row(1, NEVER, "c"));
        RecordingOutput slow = new RecordingOutput(true);

        int calls = 1;
        while (!operator.barrier(1, slow)) {
            calls++;
        }

        assertThat(calls).isGreaterThan(1);
        assertThat(slow.rows()).hasSize(3);
    }

    @Test
    void givesTheWholeTableAtEveryBarrierAndDropsNothing() throws Exception {
        Operator operator = open(Emission.ALL_PER_EPOCH);
        process(operator, row(1, 100, "a"), row(2, NEVER, "b"), row(3, 100, "a"));
        operator.watermark(200, output);
        process(operator, row(4, 100, "a"));
        assertThat(output.rows()).isEmpty();

        RecordingOutput slow = new RecordingOutput(true);
        int calls = 1;
        while (!operator.barrier(1, slow)) {
            calls++;
        }
        assertThat(calls).isGreaterThan(2);
        assertThat(slow.rows().stream().map(KeyedRows::hex))
                .containsExactlyInAnyOrder(result("a", 100, 3, 8, 4), result("b", NEVER, 1, 2, 2));
        operator.barrier(2, output);
        assertThat(results()).containsExactlyInAnyOrder(result("a", 100, 3, 8, 4), result("b", NEVER, 1, 2, 2));
        assertThat(metrics.rowsDroppedByWatermark()).isZero();
        assertThat(metrics.rowsRemoved()).isZero();
    }

    @Test
    void givesEachKeyOnceWhenTheWatermarkPassesItAlsoThroughASlowOutput() throws Exception {
        Operator operator = open(Emission.AT_EXPIRY);
        process(operator, row(1, 100, "a"), row(2, 50, "b"), row(3, NEVER, "c"), row(4, 100, "a"), row(5, 60, "d"));
        operator.barrier(1, output);
        operator.watermark(49, output);
        assertThat(output.rows()).isEmpty();

        RecordingOutput slow = new RecordingOutput(true);
        int calls = 1;
        while (!operator.watermark(60, slow)) {
            calls++;
        }
        assertThat(calls).isGreaterThan(2);
        assertThat(slow.rows().stream().map(KeyedRows::hex))
                .containsExactlyInAnyOrder(result("b", 50, 1, 2, 2), result("d", 60, 1, 5, 5));
        assertThat(metrics.rowsRemoved()).isEqualTo(2);
        process(operator, row(9, 60, "d"));
        operator.watermark(200, output);
        assertThat(results()).containsExactly(result("a", 100, 2, 5, 4));
        assertThat(metrics.rowsDroppedByWatermark()).isEqualTo(1);
    }

    @Test
    void losesNoKeyThatTheWatermarkOfAnotherTaskHadPassed() throws Exception {
        Operator ahead = open(Emission.AT_EXPIRY);
        ahead.watermark(100, output);
        Operator behind = open(Emission.AT_EXPIRY);
        behind.watermark(10, output);
        process(behind, row(1, 50, "closed"), row(1, 101, "open"));
        List<Section> sections = new ArrayList<>(Snapshots.of(ahead));
        sections.addAll(Snapshots.of(behind));
        Operator restored = open(Emission.AT_EXPIRY);
        Snapshots.restore(restored, sections);

        process(restored, row(1, 50, "closed"));
        restored.watermark(20, output);

        assertThat(metrics.rowsDroppedByWatermark()).isEqualTo(1);
        assertThat(results()).containsExactly(result("closed", 50, 1, 1, 1));
    }

    @Test
    void givesNothingBeforeTheFirstRowOfAnAggregationWithoutKeys() throws Exception {
        Operator operator = open(new CountSumMax(true), Emission.PER_PAGE);

        operator.watermark(5, output);
        operator.barrier(1, output);
        assertThat(output.rows()).isEmpty();

        process(operator, row(1, NEVER, "b"), row(5, NEVER, "a"));
        assertThat(KeyedRows.payloadOfResult(output.rows().get(0))).isEqualTo(KeyedRows.hex(KeyedRows.longs(2, 6, 5)));
        assertThat(output.rows()).hasSize(1);
    }

    @Test
    void dropsAndCountsRowsWhoseKeyTheWatermarkHasPassed() throws Exception {
        Operator operator = open(Emission.PER_PAGE);
        operator.watermark(100, output);

        process(operator, row(1, 100, "late"), row(1, 101, "early"), row(1, 99, "late"));

        assertThat(results()).containsExactly(result("early", 101, 1, 1, 1));
        assertThat(metrics.rowsDroppedByWatermark()).isEqualTo(2);
        assertThat(metrics.state().rows()).isEqualTo(1);
    }

    @Test
    void removesKeysThatTheWatermarkPassesAndSaysNothing() throws Exception {
        Operator operator = open(Emission.PER_PAGE);
        process(operator, row(1, 100, "a"), row(1, 200, "a"), row(1, NEVER, "a"));
        output.rows().clear();

        operator.watermark(100, output);

        assertThat(output.rows()).isEmpty();
        assertThat(metrics.rowsRemoved()).isEqualTo(1);
        assertThat(metrics.state().rows()).isEqualTo(2);
        operator.watermark(Long.MAX_VALUE, output);
        process(operator, row(1, NEVER, "a"), row(1, 200, "a"));
        assertThat(metrics.rowsRemoved()).isEqualTo(2);
        assertThat(metrics.rowsDroppedByWatermark()).isEqualTo(1);
        assertThat(results()).containsExactly(result("a", NEVER, 2, 2, 1));
    }

    @Test
    void takesTheSameKeyInTwoKeyGroupsAsTwo() throws Exception {
        Operator operator = open(Emission.PER_PAGE);
        Page page = new Page();
        append(page, row(1, NEVER, "a"), 3);
        append(page, row(1, NEVER, "a"), 4);

        operator.process(new RowCursor().pointTo(page), output);

        assertThat(results()).containsExactly(result("a", NEVER, 1, 1, 1), result("a", NEVER, 1, 1, 1));
    }

    @Test
    void dropsLateRowsAlsoAfterARestore() throws Exception {
        Operator before = open(Emission.PER_PAGE);
        process(before, row(1, 100, "a"));
        before.watermark(100, output);
        List<Section> sections = Snapshots.of(before);
        Operator after = open(Emission.PER_PAGE);
        Snapshots.restore(after, sections);
        output.rows().clear();

        process(after, row(1, 100, "a"));

        assertThat(output.rows()).isEmpty();
    }

    @Test
    void refusesKeysBeyondTheBudgetAndGivesAllMemoryBack() throws Exception {
        Operator operator = open(new CountSumMax(false), Emission.PER_PAGE);

        assertOutgrowsBudget(operator, i -> row(i, NEVER, "key " + i));
    }

    @Test
    void refusesAnObjectThatOutgrowsTheBudgetAndGivesAllMemoryBack() throws Exception {
        Operator operator = open(new CollectValues(), Emission.EVERY_CHANGE);

        assertOutgrowsBudget(operator, i -> row(i, NEVER, "a"));
    }

    private void assertOutgrowsBudget(Operator operator, IntFunction<byte[]> rows) throws Exception {
        assertThatThrownBy(() -> {
                    for (int i = 0; i < 50_000; i++) {
                        Page page = new Page();
                        append(page, rows.apply(i), 0);
                        operator.process(new RowCursor().pointTo(page), new RecordingOutput(false));
                    }
                })
                .isInstanceOfSatisfying(MillraceException.class, error -> assertThat(error.code())
                        .isEqualTo(ErrorCode.STATE_MEMORY));
        assertThat(budget.usedBytes()).isPositive().isLessThanOrEqualTo(budget.limitBytes());
        operator.close();
        assertThat(budget.usedBytes()).isZero();
    }

    @Test
    void keepsNoKeyThatTheWatermarkOfAnotherTaskHasPassed() throws Exception {
        Operator ahead = open(Emission.PER_PAGE);
        ahead.watermark(100, output);
        Operator behind = open(Emission.PER_PAGE);
        behind.watermark(10, output);
        process(behind, row(1, 50, "closed"), row(1, 101, "open"));
        List<Section> sections = new ArrayList<>(Snapshots.of(ahead));
        sections.addAll(Snapshots.of(behind));

        Operator restored = open(Emission.PER_PAGE);
        Snapshots.restore(restored, sections);
        assertThat(metrics.state().rows()).isEqualTo(1);
        process(restored, row(1, 50, "closed"));
        assertThat(metrics.rowsDroppedByWatermark()).isEqualTo(1);
    }

    @Test
    void refusesABufferOfAnotherSizeInASnapshot() throws Exception {
        Operator operator = open(Emission.PER_PAGE);
        byte[] value = new byte[16];
        RowView key = new RowView().pointTo(KeyedRows.longs(NEVER), 0, 8);
        Section section = new Section(new SectionKey(new OperatorId(0, 0), 0));
        section.put(key, new RowView().pointTo(value, 0, 16));

        assertThatThrownBy(() -> operator.restore(section))
                .isInstanceOfSatisfying(MillraceException.class, error -> assertThat(error.code())
                        .isEqualTo(ErrorCode.STATE_CORRUPT));
    }

    private Operator open(Emission emission) throws Exception {
        return open(new CountSumMax(false), emission);
    }

    private Operator open(Aggregate aggregate, Emission emission) throws Exception {
        Operator operator = new KeyedAggregateFactory(() -> aggregate, "Aggregate[test]", emission).create();
        operator.open(new OperatorContext(0, 1, 8, budget, metrics, () -> 0, 0));
        return operator;
    }

    private void process(Operator operator, byte[]... rows) throws Exception {
        Page page = new Page();
        for (byte[] row : rows) {
            append(page, row, Page.NO_KEY_GROUP);
        }
        assertThat(operator.process(new RowCursor().pointTo(page), output)).isTrue();
    }

    private static void append(Page page, byte[] row, int keyGroup) {
        page.append(row, 0, row.length, keyGroup, 0);
    }

    private static byte[] row(long value, long expiryMicros, String name) {
        return KeyedRows.row(value, expiryMicros, name.getBytes(StandardCharsets.UTF_8));
    }

    private static String result(String name, long expiryMicros, long... payload) {
        byte[] row = row(0, expiryMicros, name);
        byte[] key = KeyedRows.key(new RowView().pointTo(row, 0, row.length));
        return KeyedRows.hex(KeyedRows.result(key, KeyedRows.longs(payload)));
    }

    private List<String> results() {
        return output.rows().stream().map(KeyedRows::hex).toList();
    }
}
