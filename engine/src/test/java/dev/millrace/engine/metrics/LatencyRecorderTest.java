package dev.millrace.engine.metrics;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

final class LatencyRecorderTest {
    @Test
    void givesEachReaderAllSinceItsOwnLastCall() {
        LatencyRecorder recorder = new LatencyRecorder();
        LatencyRecorder.Reader often = recorder.newReader();
        LatencyRecorder.Reader seldom = recorder.newReader();

        recorder.record(100, 2);
        assertThat(often.interval().getTotalCount()).isEqualTo(2);
        recorder.record(900, 1);
        assertThat(often.interval().getMinValue()).isEqualTo(900);
        assertThat(often.interval().getTotalCount()).isZero();

        assertThat(seldom.interval().getTotalCount()).isEqualTo(3);
        assertThat(seldom.interval().getTotalCount()).isZero();
    }

    @Test
    void countsWhatIsLongerAsAMinute() {
        LatencyRecorder recorder = new LatencyRecorder();
        LatencyRecorder.Reader reader = recorder.newReader();
        recorder.record(Long.MAX_VALUE, 1);

        assertThat(reader.interval().getMaxValue()).isGreaterThanOrEqualTo(60_000_000L);
    }
}
