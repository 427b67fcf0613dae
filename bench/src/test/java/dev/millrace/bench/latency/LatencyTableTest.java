package dev.millrace.bench.latency;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import org.HdrHistogram.Histogram;
import org.junit.jupiter.api.Test;

class LatencyTableTest {
    private final LatencyOptions options =
            LatencyOptions.parse(List.of("--work", "A", "--rounds", "3", "--rate", "500"));

    @Test
    void comparesTheEnginesRoundByRound() {
        String table = LatencyTable.of(
                options,
                List.of(
                        result(Engine.BARE, 1, 1_000),
                        result(Engine.MILLRACE, 1, 2_000),
                        result(Engine.BARE, 2, 10_000),
                        result(Engine.MILLRACE, 2, 11_000),
                        result(Engine.BARE, 3, 1_000),
                        result(Engine.MILLRACE, 3, 1_500)));
        assertThat(table)
                .contains("500 records/s")
                .contains("bare ")
                .contains("1.00 [1.00–1.00]")
                .containsPattern("millrace +2\\.00 +11\\.0.* 1\\.50 \\[1\\.10–2\\.00\\]");
    }

    @Test
    void writesOneLineOfJsonWithAllThatIsNeededToRunItAgain() throws Exception {
        String line = result(Engine.MILLRACE, 2, 1_234).toJson(options, "-Xmx1g");
        assertThat(line)
                .doesNotContain("\n")
                .contains(
                        "\"engine\":\"millrace\"",
                        "\"work\":\"A\"",
                        "\"round\":2",
                        "\"rate\":500",
                        "\"p50Micros\":1234")
                .contains("\"p99.9Micros\":", "\"maxMicros\":", "\"heap\":\"-Xmx1g\"", "\"histogram\":");
    }

    private static LatencyResult result(Engine engine, int round, long micros) {
        Histogram histogram = new Histogram(3);
        histogram.recordValueWithCount(micros, 100);
        ByteBuffer buffer = ByteBuffer.allocate(histogram.getNeededByteBufferCapacity());
        int sizeBytes = histogram.encodeIntoCompressedByteBuffer(buffer);
        String text = Base64.getEncoder().encodeToString(Arrays.copyOf(buffer.array(), sizeBytes));
        return new LatencyResult(engine, Work.A, round, 100, 100, text);
    }
}
