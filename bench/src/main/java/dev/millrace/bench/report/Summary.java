package dev.millrace.bench.report;

import dev.millrace.bench.run.Case;
import dev.millrace.bench.run.Figure;
import dev.millrace.bench.run.Results;
import dev.millrace.bench.run.Turn;
import dev.millrace.bench.workload.Histograms;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.HdrHistogram.Histogram;
import org.jspecify.annotations.Nullable;

/**
 * A run's results, case by case. Engines are compared with the first one within each round, so that what slowed a
 * whole round down does not count; where there is one engine, its cases are compared with the first case.
 */
final class Summary {
    private final Results results;

    Summary(Results results) {
        this.results = results;
    }

    /**
     * A line of a case's table.
     *
     * @param values by figure
     * @param ratios by figure, to what it is compared with
     * @param refused why there is nothing; or null
     */
    record Line(
            String engine,
            String title,
            Map<String, Spread> values,
            Map<String, Spread> ratios,
            @Nullable String refused) {}

    Results.Description description() {
        return results.description();
    }

    private boolean comparesCases() {
        return description().engines().size() == 1;
    }

    /** What ratios are to, in words; empty where there is nothing to compare. */
    String comparedWith() {
        if (!comparesCases()) {
            return title(description().engines().get(0));
        }
        List<Case> cases = description().cases();
        return cases.size() > 1 ? cases.get(0).title() : "";
    }

    List<Line> lines(Case of) {
        return description().engines().stream()
                .map(engine -> line(of, engine))
                .filter(Objects::nonNull)
                .toList();
    }

    private @Nullable Line line(Case of, String engine) {
        List<Turn> turns = results.turns(of.id(), engine);
        if (turns.isEmpty()) {
            return null;
        }
        Optional<Turn> refusal =
                turns.stream().filter(turn -> !turn.wasMeasured()).findFirst();
        List<Turn> base = comparesCases()
                ? results.turns(description().cases().get(0).id(), engine)
                : results.turns(of.id(), description().engines().get(0));
        Map<String, Spread> values = new LinkedHashMap<>();
        Map<String, Spread> ratios = new LinkedHashMap<>();
        for (Figure figure : description().figures()) {
            Spread.of(values(turns, figure.id())).ifPresent(spread -> values.put(figure.id(), spread));
            if (figure.compared()) {
                Spread.of(ratios(turns, base, figure.id())).ifPresent(spread -> ratios.put(figure.id(), spread));
            }
        }
        return new Line(
                engine,
                title(engine),
                values,
                ratios,
                refusal.map(Turn::refused).orElse(null));
    }

    private static List<Double> values(List<Turn> turns, String figure) {
        return turns.stream()
                .map(turn -> turn.figures().get(figure))
                .filter(Objects::nonNull)
                .toList();
    }

    private static List<Double> ratios(List<Turn> turns, List<Turn> base, String figure) {
        List<Double> ratios = new ArrayList<>();
        for (Turn turn : turns) {
            Double value = turn.figures().get(figure);
            for (Turn other : base) {
                Double divisor = other.figures().get(figure);
                if (value != null && divisor != null && divisor > 0 && other.round() == turn.round()) {
                    ratios.add(value / divisor);
                }
            }
        }
        return ratios;
    }

    /** All rounds' latencies together; empty where there are none. */
    Optional<Histogram> latencies(Case of, String engine) {
        Histogram all = new Histogram(3);
        all.setAutoResize(true);
        for (Turn turn : results.turns(of.id(), engine)) {
            if (turn.histogram() != null) {
                all.add(Histograms.decode(turn.histogram()));
            }
        }
        return all.getTotalCount() == 0 ? Optional.empty() : Optional.of(all);
    }

    /** The turn of the first round that saw anything over time. */
    Optional<Turn> timeline(Case of, String engine) {
        return results.turns(of.id(), engine).stream()
                .filter(turn -> !turn.timeline().isEmpty())
                .findFirst();
    }

    /** How an engine was set, by case where that differs. */
    Map<String, String> settings(String engine) {
        Map<String, String> all = new LinkedHashMap<>();
        for (Turn turn : results.turns()) {
            if (turn.engine().equals(engine)) {
                turn.settings().forEach((name, value) -> all.merge(name, value, Summary::either));
            }
        }
        return all;
    }

    private static String either(String before, String now) {
        return List.of(before.split(" \\| ", -1)).contains(now) ? before : before + " | " + now;
    }

    String title(String engine) {
        return description().titles().getOrDefault(engine, engine);
    }

    /** How many rounds there were. */
    int rounds() {
        return results.turns().stream().mapToInt(Turn::round).max().orElse(0);
    }

    /** The middle of the geometric mean over all cases of an engine's ratio to the first, for a figure. */
    Optional<Double> geometricMean(String engine, Figure figure) {
        double sum = 0;
        int count = 0;
        for (Case of : description().cases()) {
            for (Line line : lines(of)) {
                Spread ratio = line.ratios().get(figure.id());
                if (line.engine().equals(engine) && line.refused() == null && ratio != null) {
                    sum += Math.log(ratio.median());
                    count++;
                }
            }
        }
        return count == 0 ? Optional.empty() : Optional.of(Math.exp(sum / count));
    }
}
