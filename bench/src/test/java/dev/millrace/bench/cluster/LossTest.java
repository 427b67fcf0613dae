package dev.millrace.bench.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.bench.cluster.Loss.Answer;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

final class LossTest {
    private static final long BEFORE = 1;
    private static final long BEHIND = 2;

    @Test
    void countsFromTheDetectionToRowsOfTasksThatCameBehindIt() {
        Loss loss = new Loss(
                1_000,
                3_500,
                Set.of(BEFORE),
                List.of(
                        new Answer(3_600, 3_590, BEFORE), // a survivor that has not heard yet
                        new Answer(5_000, 900, BEHIND), // the replay
                        new Answer(5_100, 3_500, BEHIND),
                        new Answer(6_000, 3_501, BEHIND)));

        assertThat(loss.detectionMillis()).isEqualTo(2.5);
        assertThat(loss.firstRowMicros()).hasValue(1_500);
        assertThat(loss.newRowMicros()).hasValue(2_500);
    }

    @Test
    void isNotOverWhileOnlyTheReplayIsAnswered() {
        Loss loss = new Loss(1_000, 2_000, Set.of(), List.of(new Answer(5_000, 900, BEHIND)));

        assertThat(loss.newRowMicros()).isEmpty();
    }
}
