package dev.millrace.bench.report;

import dev.millrace.bench.run.Case;
import dev.millrace.bench.run.Figure;
import dev.millrace.bench.run.Results;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/** A run as Markdown: a table for each case, then where and how it was measured. */
public final class MarkdownReport {
    private MarkdownReport() {}

    public static String of(Results results) {
        Summary summary = new Summary(results);
        StringBuilder text = new StringBuilder();
        text.append("# ").append(summary.description().title()).append("\n\n").append(introduction(summary));
        for (Case of : summary.description().cases()) {
            text.append("\n## ").append(of.title()).append("\n\n").append(table(summary, of));
        }
        text.append(means(summary));
        text.append("\n## Machine and versions\n\n")
                .append(list(summary.description().machine()));
        if (!summary.description().options().isEmpty()) {
            text.append("\n## Options\n\n").append(list(summary.description().options()));
        }
        text.append("\n## Settings\n");
        for (String engine : summary.description().engines()) {
            Map<String, String> settings = summary.settings(engine);
            if (!settings.isEmpty()) {
                text.append("\n### ")
                        .append(summary.title(engine))
                        .append("\n\n")
                        .append(list(settings));
            }
        }
        return text.toString();
    }

    /** How to read the tables. */
    static String introduction(Summary summary) {
        String compared = summary.comparedWith();
        return "Measured %s, %d round%s. Figures are medians over the rounds, with [least–most].%s%n"
                .formatted(
                        summary.description().time(),
                        summary.rounds(),
                        summary.rounds() == 1 ? "" : "s",
                        compared.isEmpty()
                                ? ""
                                : " A column with × is the ratio to %s within a round.".formatted(compared));
    }

    /** The heads of a case's table. */
    static List<String> heads(Summary summary) {
        List<String> heads = new ArrayList<>(List.of("engine"));
        for (Figure figure : summary.description().figures()) {
            heads.add(figure.title() + ", " + figure.unit());
        }
        if (!summary.comparedWith().isEmpty()) {
            for (Figure figure : summary.description().figures()) {
                if (figure.compared()) {
                    heads.add(figure.title() + " ×");
                }
            }
        }
        return heads;
    }

    /** The cells of a line that was measured. */
    static List<String> cells(Summary summary, Summary.Line line) {
        List<String> cells = new ArrayList<>(List.of(line.title()));
        for (Figure figure : summary.description().figures()) {
            cells.add(text(line.values().get(figure.id()), figure.decimals()));
        }
        if (!summary.comparedWith().isEmpty()) {
            for (Figure figure : summary.description().figures()) {
                if (figure.compared()) {
                    cells.add(text(line.ratios().get(figure.id()), 2));
                }
            }
        }
        return cells;
    }

    private static String text(@org.jspecify.annotations.Nullable Spread spread, int decimals) {
        return spread == null ? "" : spread.text(decimals);
    }

    private static String table(Summary summary, Case of) {
        List<String> heads = heads(summary);
        StringBuilder text = new StringBuilder(row(heads));
        text.append("|---").append("|---:".repeat(heads.size() - 1)).append("|\n");
        StringBuilder refused = new StringBuilder();
        for (Summary.Line line : summary.lines(of)) {
            if (line.refused() == null) {
                text.append(row(cells(summary, line)));
            } else {
                refused.append("- **%s** cannot: %s%n".formatted(line.title(), line.refused()));
            }
        }
        return refused.isEmpty() ? text.toString() : text + "\n" + refused;
    }

    /** Over several cases: what an engine's ratios come to. */
    static List<String> meanLines(Summary summary) {
        List<String> lines = new ArrayList<>();
        if (summary.description().cases().size() < 2
                || summary.description().engines().size() < 2) {
            return lines;
        }
        for (Figure figure : summary.description().figures()) {
            for (String engine : summary.description()
                    .engines()
                    .subList(1, summary.description().engines().size())) {
                Optional<Double> mean = figure.compared() ? summary.geometricMean(engine, figure) : Optional.empty();
                mean.ifPresent(ratio -> lines.add(String.format(
                        Locale.ROOT,
                        "%s, %s: %.2f × %s, geometric mean over the cases that both ran",
                        summary.title(engine),
                        figure.title(),
                        ratio,
                        summary.comparedWith())));
            }
        }
        return lines;
    }

    private static String means(Summary summary) {
        List<String> lines = meanLines(summary);
        return lines.isEmpty() ? "" : "\n## All cases together\n\n- " + String.join("\n- ", lines) + "\n";
    }

    private static String row(List<String> cells) {
        return "| "
                + String.join(
                        " | ",
                        cells.stream().map(cell -> cell.replace("|", "\\|")).toList()) + " |\n";
    }

    private static String list(Map<String, String> all) {
        StringBuilder text = new StringBuilder();
        all.forEach((name, value) -> text.append("- %s: %s%n".formatted(name, value)));
        return text.toString();
    }
}
