package dev.millrace.bench.report;

import dev.millrace.bench.run.Case;
import dev.millrace.bench.run.Figure;
import dev.millrace.bench.run.Results;
import dev.millrace.bench.run.Turn;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.HdrHistogram.Histogram;

/** A run as one page of HTML: the tables of {@link MarkdownReport}, and charts drawn in it. */
public final class HtmlReport {
    private static final double[] NINES = {0, 50, 75, 90, 95, 99, 99.5, 99.9, 99.95, 99.99};
    private static final int BAR_WIDTH = 420;
    private static final int BAR_HEIGHT = 24;

    private HtmlReport() {}

    public static String of(Results results) {
        Summary summary = new Summary(results);
        StringBuilder page = new StringBuilder("<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\">")
                .append("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>")
                .append(Html.escape(summary.description().title()))
                .append("</title><style>")
                .append(Html.STYLE)
                .append("</style></head><body><h1>")
                .append(Html.escape(summary.description().title()))
                .append("</h1><p class=\"note\">")
                .append(Html.escape(MarkdownReport.introduction(summary)))
                .append("</p>");
        for (String line : MarkdownReport.meanLines(summary)) {
            page.append("<p>").append(Html.escape(line)).append("</p>");
        }
        for (Case of : summary.description().cases()) {
            page.append("<h2>").append(Html.escape(of.title())).append("</h2>").append(table(summary, of));
            page.append(percentiles(summary, of)).append(timeline(summary, of)).append(bars(summary, of));
        }
        page.append("<h2>Machine and versions</h2>")
                .append(list(summary.description().machine()));
        page.append("<h2>Options</h2>").append(list(summary.description().options()));
        page.append("<h2>Settings</h2>");
        for (String engine : summary.description().engines()) {
            page.append("<h3>").append(Html.escape(summary.title(engine))).append("</h3>");
            page.append(list(summary.settings(engine)));
        }
        return page.append("</body></html>\n").toString();
    }

    private static String table(Summary summary, Case of) {
        List<String> heads = MarkdownReport.heads(summary);
        StringBuilder html = new StringBuilder("<table>").append(row("th", heads));
        for (Summary.Line line : summary.lines(of)) {
            if (line.refused() == null) {
                html.append(row("td", MarkdownReport.cells(summary, line)));
            } else {
                html.append("<tr class=\"refused\"><td>%s</td><td colspan=\"%d\">cannot: %s</td></tr>"
                        .formatted(Html.escape(line.title()), heads.size() - 1, Html.escape(line.refused())));
            }
        }
        return html.append("</table>").toString();
    }

    private static String row(String cell, List<String> texts) {
        StringBuilder html = new StringBuilder("<tr>");
        texts.forEach(text -> html.append("<%s>%s</%s>".formatted(cell, Html.escape(text), cell)));
        return html.append("</tr>").toString();
    }

    private static String percentiles(Summary summary, Case of) {
        List<Chart.Tick> ticks = new ArrayList<>();
        for (double percentile : new double[] {0, 90, 99, 99.9, 99.99}) {
            ticks.add(new Chart.Tick(nines(percentile), percentile + " %"));
        }
        Chart chart = new Chart("percentile", ticks, "latency, ms");
        List<String> engines = summary.description().engines();
        for (int i = 0; i < engines.size(); i++) {
            Optional<Histogram> latencies = summary.latencies(of, engines.get(i));
            if (latencies.isPresent()) {
                List<Chart.Point> points = new ArrayList<>();
                for (double percentile : NINES) {
                    double millis = latencies.get().getValueAtPercentile(percentile) / 1_000.0;
                    points.add(new Chart.Point(nines(percentile), Math.max(0.01, millis)));
                }
                chart.line(summary.title(engines.get(i)), i, points);
            }
        }
        return chart.isEmpty() ? "" : chart.svg();
    }

    /** How many nines a percentile has. */
    private static double nines(double percentile) {
        return -Math.log10(1 - percentile / 100);
    }

    private static String timeline(Summary summary, Case of) {
        List<Turn> turns = new ArrayList<>();
        List<Integer> colors = new ArrayList<>();
        List<String> engines = summary.description().engines();
        for (int i = 0; i < engines.size(); i++) {
            Optional<Turn> turn = summary.timeline(of, engines.get(i));
            if (turn.isPresent()) {
                turns.add(turn.get());
                colors.add(i);
            }
        }
        double end = turns.stream()
                .flatMap(turn -> turn.timeline().stream())
                .mapToDouble(Turn.Moment::second)
                .max()
                .orElse(0);
        if (end <= 0) {
            return "";
        }
        List<Chart.Tick> ticks = new ArrayList<>();
        double step = Math.max(1, Math.ceil(end / 10));
        for (double second = 0; second < end + step; second += step) {
            ticks.add(new Chart.Tick(second, String.format(Locale.ROOT, "%.0f", second)));
        }
        boolean latency = turns.stream().anyMatch(turn -> turn.histogram() != null);
        Chart chart = new Chart(
                latency ? "seconds; dashed: an epoch of Millrace's ends" : "seconds, warm-up included",
                ticks,
                latency ? "p99 of each quarter second, ms" : "M rows/s");
        for (int i = 0; i < turns.size(); i++) {
            List<Chart.Point> points = turns.get(i).timeline().stream()
                    .filter(moment -> moment.value() > 0)
                    .map(moment -> new Chart.Point(moment.second(), moment.value()))
                    .toList();
            chart.line(summary.title(turns.get(i).engine()), colors.get(i), points);
            if (turns.get(i).engine().equals("millrace")) {
                turns.get(i).marks().forEach(chart::mark);
            }
        }
        return chart.isEmpty() ? "" : chart.svg();
    }

    /** Bars of the first figure, where it is not a percentile of a curve. */
    private static String bars(Summary summary, Case of) {
        Figure figure = summary.description().figures().get(0);
        List<Summary.Line> lines = summary.lines(of).stream()
                .filter(line -> line.refused() == null && line.values().containsKey(figure.id()))
                .toList();
        if (lines.isEmpty() || summary.latencies(of, lines.get(0).engine()).isPresent()) {
            return "";
        }
        double most = lines.stream()
                .mapToDouble(line -> value(line, figure).most())
                .max()
                .orElse(1);
        StringBuilder svg =
                new StringBuilder("<svg viewBox=\"0 0 760 %d\" role=\"img\">".formatted(lines.size() * BAR_HEIGHT + 8));
        for (int i = 0; i < lines.size(); i++) {
            Spread spread = value(lines.get(i), figure);
            int y = 4 + i * BAR_HEIGHT;
            int color = summary.description().engines().indexOf(lines.get(i).engine());
            svg.append("<text x=\"150\" y=\"%d\" text-anchor=\"end\">%s</text>"
                    .formatted(y + 15, Html.escape(lines.get(i).title())));
            svg.append(String.format(
                    Locale.ROOT,
                    "<rect x=\"158\" y=\"%d\" width=\"%.1f\" height=\"%d\" fill=\"%s\"/>",
                    y,
                    Math.max(1, BAR_WIDTH * spread.median() / most),
                    BAR_HEIGHT - 6,
                    Chart.color(color)));
            svg.append(String.format(
                    Locale.ROOT,
                    "<text x=\"%.1f\" y=\"%d\">%s %s</text>",
                    164 + BAR_WIDTH * spread.median() / most,
                    y + 15,
                    spread.text(figure.decimals()),
                    Html.escape(figure.unit())));
        }
        return svg.append("</svg>").toString();
    }

    private static Spread value(Summary.Line line, Figure figure) {
        return java.util.Objects.requireNonNull(line.values().get(figure.id()));
    }

    private static String list(Map<String, String> all) {
        StringBuilder html = new StringBuilder("<dl>");
        all.forEach((name, value) ->
                html.append("<dt>%s</dt><dd>%s</dd>".formatted(Html.escape(name), Html.escape(value))));
        return html.append("</dl>").toString();
    }
}
