package dev.millrace.engine.operator;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.engine.harness.Event;
import dev.millrace.engine.harness.KeyedRows;
import dev.millrace.engine.harness.OperatorHarness;
import dev.millrace.engine.harness.OperatorHarness.Outcome;
import dev.millrace.engine.harness.RecordingOutput;
import dev.millrace.engine.harness.Seeds;
import dev.millrace.engine.harness.Snapshots;
import dev.millrace.engine.metrics.EventTimes;
import dev.millrace.engine.metrics.OperatorMetrics;
import dev.millrace.engine.metrics.WatermarkMetrics;
import dev.millrace.engine.page.Page;
import dev.millrace.engine.page.RowCursor;
import dev.millrace.engine.state.MemoryBudget;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class WatermarkAssignerTest {
    private static final long NONE = Long.MIN_VALUE;
    private static final long DELAY_MICROS = 10;
    private static final long IDLE_NANOS = 1_000;

    private long nanos = 5;
    private final WatermarkAssigner assigner = assigner();

    @Test
    void isTheGreatestEventTimeLessTheDelay() {
        observe(0, 100, 90, 120, 110);

        assertThat(watermark()).isEqualTo(110);
    }

    @Test
    void neverMovesBack() {
        observe(0, 100);
        assertThat(watermark()).isEqualTo(90);
        observe(0, 50);
        assertThat(watermark()).isEqualTo(90);
    }

    @Test
    void isTheLeastOfAllPartitions() {
        assigner.inputPartitions(List.of("a", "b"));
        observe(1, 100);
        observe(0, 60);

        assertThat(watermark()).isEqualTo(50);
    }

    @Test
    void waitsForAPartitionWithoutRowsUntilItIsIdle() {
        assigner.inputPartitions(List.of("a", "b"));
        nanos += IDLE_NANOS / 2;
        observe(0, 100);
        assertThat(watermark()).isEqualTo(NONE);

        nanos += IDLE_NANOS / 2;
        assertThat(watermark()).isEqualTo(90);
    }

    @Test
    void takesAnIdlePartitionInAgainWithItsNextRow() {
        assigner.inputPartitions(List.of("a", "b"));
        observe(0, 100);
        observe(1, 50);
        assertThat(watermark()).isEqualTo(40);
        nanos += IDLE_NANOS;
        observe(0, 200);
        assertThat(watermark()).isEqualTo(190);

        observe(1, 195);
        observe(0, 300);
        assertThat(watermark()).isEqualTo(190);
        observe(1, 220);
        assertThat(watermark()).isEqualTo(210);
    }

    @Test
    void movesToWhatThePartitionAheadSaysWhenAllAreIdle() {
        assigner.inputPartitions(List.of("a", "b"));
        observe(0, 100);
        observe(1, 50);
        assertThat(watermark()).isEqualTo(40);
        assertThat(assigner.isIdle()).isFalse();

        nanos += IDLE_NANOS;
        assertThat(watermark()).isEqualTo(90);
        assertThat(assigner.isIdle()).isTrue();
    }

    @Test
    void isIdleWithoutPartitions() {
        assigner.inputPartitions(List.of());

        assertThat(assigner.isIdle()).isTrue();
        assertThat(watermark()).isEqualTo(NONE);
    }

    @Test
    void ignoresRowsWithoutAnEventTime() {
        observe(0, NONE, NONE);
        assertThat(watermark()).isEqualTo(NONE);
        observe(0, NONE, 100, NONE);
        assertThat(watermark()).isEqualTo(90);
        nanos += IDLE_NANOS;
        observe(0, NONE);
        assertThat(assigner.isIdle()).isTrue();
    }

    @Test
    void keepsTheWatermarkThroughASnapshot() throws Exception {
        observe(0, 100);
        assertThat(watermark()).isEqualTo(90);
        WatermarkAssigner restored = assigner();
        Snapshots.restore(restored, Snapshots.of(assigner));

        assertThat(restored.outputWatermark(NONE)).isEqualTo(90);
    }

    @Test
    void takesTheLeastOfTheWatermarksThatSeveralTasksLeft() throws Exception {
        WatermarkAssigner other = assigner();
        other.observe(rows(0, 70));
        assertThat(other.outputWatermark(NONE)).isEqualTo(60);
        observe(0, 100);
        assertThat(watermark()).isEqualTo(90);
        WatermarkAssigner restored = assigner();
        for (WatermarkAssigner task : List.of(assigner, other)) {
            Snapshots.restore(restored, Snapshots.of(task));
        }

        assertThat(restored.outputWatermark(NONE)).isEqualTo(60);
    }

    @Test
    void restoresNoneWhileATaskStillWaitsForItsFirstRow() throws Exception {
        observe(0, 100);
        assertThat(watermark()).isEqualTo(90);
        WatermarkAssigner waiting = assigner();
        WatermarkAssigner restored = assigner();
        for (WatermarkAssigner task : List.of(assigner, waiting)) {
            Snapshots.restore(restored, Snapshots.of(task));
        }

        assertThat(restored.outputWatermark(NONE)).isEqualTo(NONE);
    }

    @Test
    void restoresTheWatermarkOfTheOthersWhereATaskReadsNothing() throws Exception {
        observe(0, 100);
        assertThat(watermark()).isEqualTo(90);
        WatermarkAssigner without = assigner();
        without.inputPartitions(List.of());
        WatermarkAssigner restored = assigner();
        for (WatermarkAssigner task : List.of(assigner, without)) {
            Snapshots.restore(restored, Snapshots.of(task));
        }

        assertThat(restored.outputWatermark(NONE)).isEqualTo(90);
    }

    @Test
    void remembersHowFarEachPartitionHasComeWhicheverTaskHasItNext() throws Exception {
        assigner.inputPartitions(List.of("a", "b"));
        observe(0, 100);
        observe(1, 50);
        assertThat(watermark()).isEqualTo(40);
        WatermarkAssigner other = assigner();
        other.inputPartitions(List.of("c", "d"));
        other.observe(rows(0, 70));
        assertThat(other.outputWatermark(NONE)).isEqualTo(NONE);

        WatermarkAssigner restored = assigner();
        restored.inputPartitions(List.of("c", "a", "new"));
        for (WatermarkAssigner task : List.of(assigner, other)) {
            Snapshots.restore(restored, Snapshots.of(task));
        }
        assertThat(restored.outputWatermark(NONE)).as("one is new").isEqualTo(NONE);
        restored.observe(rows(2, 300));
        assertThat(restored.outputWatermark(NONE)).as("that of c").isEqualTo(60);
        restored.observe(rows(0, 200));
        assertThat(restored.outputWatermark(NONE)).as("that of a").isEqualTo(90);
    }

    @Test
    void refusesRowsOfAPartitionThatWasNotDeclared() {
        assertThatThrownBy(() -> observe(9, 100))
                .isInstanceOfSatisfying(MillraceException.class, error -> assertThat(error.code())
                        .isEqualTo(ErrorCode.INVARIANT));
    }

    @Test
    void refusesToProcessRowsItself() {
        assertThatThrownBy(() -> assigner.process(new RowCursor(), new RecordingOutput(false)))
                .isInstanceOfSatisfying(MillraceException.class, error -> assertThat(error.code())
                        .isEqualTo(ErrorCode.INVARIANT));
    }

    @Test
    void passesAllRowsOnAndFindsTheSameWatermarkWithAdversity() {
        Seeds.forEach(20, seed -> {
            Random random = new Random(seed);
            List<Event> events = new ArrayList<>();
            for (int i = 0; i < 500; i++) {
                events.add(Event.row(KeyedRows.longs(i + random.nextInt(100)), random.nextInt(3)));
            }
            OperatorHarness harness = new OperatorHarness(this::assigner, 1, (bytes, offset, size) -> 0);

            Outcome plain = harness.run(events);
            Outcome adverse = harness.runAdversely(events, seed);

            assertThat(hex(plain)).isEqualTo(hex(adverse)).hasSize(500);
            assertThat(adverse.watermarkMicros()).isLessThanOrEqualTo(plain.watermarkMicros());
            assertThat(plain.watermarkMicros()).isGreaterThan(400);
        });
    }

    @Test
    void saysHowFarEachPartitionHasComeAndTheEventTimesOfEachEpoch() {
        OperatorMetrics metrics = new OperatorMetrics();
        assigner.open(context(metrics));
        assigner.inputPartitions(List.of("a", "b"));
        observe(0, 10, 30);
        observe(1, 50);
        long unused = watermark();
        WatermarkMetrics known = metrics.watermark();
        assertThat(known.eventTimes(0)).as("under way").isEqualTo(new EventTimes(3, 10, 50, 30));

        assigner.barrier(0, null);
        nanos += IDLE_NANOS - 1;
        observe(1, 70);
        nanos += 1;
        assigner.barrier(1, null);

        assertThat(known.eventTimes(0)).isEqualTo(new EventTimes(3, 10, 50, 30));
        assertThat(known.eventTimes(1)).isEqualTo(new EventTimes(1, 70, 70, 70));
        assertThat(known.partitions())
                .containsExactly(new WatermarkMetrics.Partition(30, true), new WatermarkMetrics.Partition(70, false));
    }

    private static List<String> hex(Outcome outcome) {
        return outcome.rows().stream().map(KeyedRows::hex).toList();
    }

    private WatermarkAssigner assigner() {
        WatermarkAssigner made = new WatermarkAssigner(
                (bytes, offset, sizeBytes) -> KeyedRows.value(bytes, offset), DELAY_MICROS, IDLE_NANOS);
        made.open(context(new OperatorMetrics()));
        return made;
    }

    private OperatorContext context(OperatorMetrics metrics) {
        return new OperatorContext(0, 1, 1, new MemoryBudget(1), metrics, () -> 0, () -> nanos, LateRows.NOWHERE, 0);
    }

    private long watermark() {
        return assigner.outputWatermark(NONE);
    }

    private void observe(int partition, long... eventTimes) {
        assigner.observe(rows(partition, eventTimes));
    }

    private static RowCursor rows(int partition, long... eventTimes) {
        Page page = new Page();
        for (long eventTime : eventTimes) {
            page.append(KeyedRows.longs(eventTime), 0, Long.BYTES, Page.NO_KEY_GROUP, 0);
        }
        RowCursor rows = new RowCursor().pointTo(page);
        rows.inputPartition(partition);
        return rows;
    }
}
