package dev.millrace.bench.report;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.bench.run.Case;
import dev.millrace.bench.run.Figure;
import dev.millrace.bench.run.Results;
import dev.millrace.bench.run.Turn;
import dev.millrace.bench.workload.Histograms;
import java.util.List;
import java.util.Map;
import org.HdrHistogram.Histogram;
import org.junit.jupiter.api.Test;

final class ReportTest {
    private static final Results.Description DESCRIPTION = new Results.Description(
            "latency",
            "How long <it> takes",
            "2026-01-01T00:00:00Z",
            Map.of("cores", "2"),
            Map.of("--rounds", "3"),
            List.of("bare", "millrace", "flink"),
            Map.of("bare", "bare loop", "millrace", "Millrace", "flink", "Flink"),
            List.of(new Figure("p50", "p50", "ms", 2, true), new Figure("rows", "in", "rows", 0, false)),
            List.of(new Case("stateless", "stateless at 1,000", Map.of())));

    private static final Results RESULTS = new Results(
            DESCRIPTION,
            List.of(
                    turn("bare", 1, 1),
                    turn("millrace", 1, 2),
                    turn("bare", 2, 10),
                    turn("millrace", 2, 11),
                    turn("bare", 3, 1),
                    turn("millrace", 3, 1.5),
                    refused("flink", "no words for this | at all")));

    @Test
    void comparesEnginesWithinEachRound() {
        assertThat(MarkdownReport.of(RESULTS))
                .contains("| bare loop | 1.00 [1.00–10.00] | 100 | 1.00 |")
                .contains("| Millrace | 2.00 [1.50–11.00] | 100 | 1.50 [1.10–2.00] |");
    }

    @Test
    void saysWhatAnEngineCannotDoAndWhy() {
        assertThat(MarkdownReport.of(RESULTS)).contains("- **Flink** cannot: no words for this | at all");
        assertThat(HtmlReport.of(RESULTS)).contains("cannot: no words for this");
    }

    @Test
    void comparesCasesWhereThereIsOneEngine() {
        Results.Description alone = new Results.Description(
                "epochs",
                "What epochs cost",
                "2026-01-01T00:00:00Z",
                Map.of(),
                Map.of(),
                List.of("millrace"),
                Map.of("millrace", "Millrace"),
                DESCRIPTION.figures(),
                List.of(new Case("long", "long epochs", Map.of()), new Case("short", "short epochs", Map.of())));
        String report = MarkdownReport.of(
                new Results(alone, List.of(turn("long", "millrace", 1, 2), turn("short", "millrace", 1, 3))));

        assertThat(report).contains("ratio to long epochs", "| Millrace | 3.00 | 100 | 1.50 |");
    }

    @Test
    void drawsPercentilesAndEpochsIntoAPageThatNeedsNothingElse() {
        String page = HtmlReport.of(RESULTS);

        assertThat(page)
                .contains("How long &lt;it&gt; takes", "<polyline", "percentile", "class=\"mark\"")
                .doesNotContain("<script src", "<link", "http://", "https://");
    }

    @Test
    void findsTheMiddleOfAnEvenCountAtItsLowerHalf() {
        assertThat(Spread.of(List.of(4.0, 1.0, 3.0, 2.0))).hasValue(new Spread(2, 1, 4));
        assertThat(Spread.of(List.of())).isEmpty();
    }

    private static Turn turn(String engine, int round, double millis) {
        return turn("stateless", engine, round, millis);
    }

    private static Turn turn(String caseId, String engine, int round, double millis) {
        Histogram histogram = new Histogram(3);
        histogram.recordValueWithCount((long) (millis * 1_000), 100);
        return new Turn(
                caseId,
                engine,
                round,
                "2026-01-01T00:00:00Z",
                null,
                Map.of("linger.ms", "0"),
                Map.of("p50", millis, "rows", 100.0),
                Histograms.encode(histogram),
                List.of(new Turn.Moment(0, millis), new Turn.Moment(1, millis)),
                List.of(0.5));
    }

    private static Turn refused(String engine, String reason) {
        return new Turn("stateless", engine, 1, "", reason, Map.of(), Map.of(), null, List.of(), List.of());
    }
}
